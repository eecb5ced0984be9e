#include "trainer/report/progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum { REDRAW_NS = 100000000, MAX_BAR = 24 };

void px_progress_init(struct px_progress *p)
{
    p->start_ns = px_now_ns();
    p->drawn_ns = 0;
    p->average = (struct px_gan_losses){0};
    p->weight = 0;
    p->on_screen = false;
}

void px_progress_duration(double seconds, char *out, size_t room)
{
    long s = seconds < 0 ? 0 : seconds < 1e9 ? (long)(seconds + 0.5) : 1000000000;

    if (s >= 3600)
        snprintf(out, room, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, room, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(out, room, "%ld s", s);
}

static void smooth(struct px_progress *p, const struct px_gan_losses *losses)
{
    const float keep = 0.98f; /* a half-life of 34 steps */

    p->average.G_GAN = keep * p->average.G_GAN + losses->G_GAN;
    p->average.G_L1 = keep * p->average.G_L1 + losses->G_L1;
    p->average.D_real = keep * p->average.D_real + losses->D_real;
    p->average.D_fake = keep * p->average.D_fake + losses->D_fake;
    p->weight = keep * p->weight + 1;
}

/* After a step. */
static void describe_losses(const struct px_progress *p, char *out, size_t room)
{
    float w = p->weight;

    snprintf(out, room, "G_GAN: %.3f G_L1: %.3f D_real: %.3f D_fake: %.3f",
             (double)(p->average.G_GAN / w), (double)(p->average.G_L1 / w),
             (double)(p->average.D_real / w), (double)(p->average.D_fake / w));
}

static void describe_speed(const struct px_progress *p, int64_t steps, char *out, size_t room)
{
    double seconds = px_ms_since(p->start_ns) * 1e-3;
    double rate = (double)(steps - p->first_step) / (seconds > 1e-9 ? seconds : 1e-9);
    double left = (double)(p->epochs * p->steps_per_epoch - steps) / (rate > 1e-9 ? rate : 1e-9);
    char time[32];

    px_progress_duration(left, time, sizeof time);
    snprintf(out, room, "%.2f images/s, %s left",
             rate * (double)p->pairs / (double)p->steps_per_epoch, time);
}

static size_t terminal_width(FILE *out)
{
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

/* "12/200 [####....] 213/400  losses  speed", cut to the terminal's width; the bar gives way first.
 * The last column stays free: writing there makes some terminals wrap. */
static void draw(struct px_progress *p, int64_t steps)
{
    char losses[128], speed[96], head[64], text[320], bar[MAX_BAR + 4] = "";
    int64_t epoch = (steps - 1) / p->steps_per_epoch;
    int64_t done = steps - epoch * p->steps_per_epoch;
    size_t width = terminal_width(p->out) - 1;

    describe_losses(p, losses, sizeof losses);
    describe_speed(p, steps, speed, sizeof speed);
    snprintf(head, sizeof head, "%lld/%lld", (long long)epoch + 1, (long long)p->epochs);
    int n = snprintf(text, sizeof text, "%lld/%lld  %s  %s", (long long)done,
                     (long long)p->steps_per_epoch, losses, speed);
    size_t used = strlen(head) + (size_t)n + 2;
    if (used + 8 < width) {
        size_t cells = width - used - 3 < MAX_BAR ? width - used - 3 : MAX_BAR;
        size_t full = (size_t)done * cells / (size_t)p->steps_per_epoch;
        bar[0] = '[';
        memset(bar + 1, '#', full);
        memset(bar + 1 + full, '.', cells - full);
        memcpy(bar + 1 + cells, "] ", 3);
    }
    char line[480];
    snprintf(line, sizeof line, "%s %s%s", head, bar, text);
    fprintf(p->out, "\r%.*s\033[K", (int)(width < sizeof line ? width : sizeof line), line);
    fflush(p->out);
    p->on_screen = true;
}

static void print(const struct px_progress *p, int64_t steps)
{
    char losses[128], speed[96];
    int64_t epoch = (steps - 1) / p->steps_per_epoch;

    describe_losses(p, losses, sizeof losses);
    describe_speed(p, steps, speed, sizeof speed);
    fprintf(p->out, "(epoch: %lld, iters: %lld) %s, %s\n", (long long)epoch + 1,
            (long long)((steps - epoch * p->steps_per_epoch) * p->batch_size), losses, speed);
    fflush(p->out);
}

void px_progress_step(struct px_progress *p, int64_t steps, const struct px_gan_losses *losses)
{
    int64_t images = steps * p->batch_size;

    smooth(p, losses);
    if (!p->terminal) {
        if (images / p->print_freq != (images - p->batch_size) / p->print_freq)
            print(p, steps);
        return;
    }
    int64_t now = px_now_ns();
    if (p->on_screen && now - p->drawn_ns < REDRAW_NS)
        return;
    p->drawn_ns = now;
    draw(p, steps);
}

void px_progress_epoch(struct px_progress *p, const struct px_history_epoch *epoch, double lr)
{
    const struct px_quality *q = &epoch->quality;
    char losses[128] = "", time[32];

    px_progress_clear(p);
    if (p->weight > 0)
        describe_losses(p, losses, sizeof losses);
    px_progress_duration(epoch->seconds, time, sizeof time);
    fprintf(p->out,
            "End of epoch %lld / %lld, %s%slr %.7f, %s; validation L1 %.4f, PSNR %.2f dB, SSIM "
            "%.4f%s\n",
            (long long)epoch->epoch, (long long)p->epochs, losses, *losses ? ", " : "", lr, time,
            q->l1, q->psnr, q->ssim, epoch->best ? " (best)" : "");
    fflush(p->out);
}

void px_progress_clear(struct px_progress *p)
{
    if (!p->on_screen)
        return;
    fputs("\r\033[K", p->out);
    fflush(p->out);
    p->on_screen = false;
}
