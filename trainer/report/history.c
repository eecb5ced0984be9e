#include "trainer/report/history.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/array.h"
#include "base/file.h"

static const size_t max_file = (size_t)1 << 30;

struct px_history {
    struct px_history_options options;
    struct px_history_losses *losses;
    size_t losses_count, losses_capacity;
    struct px_history_epoch *epochs;
    size_t epochs_count, epochs_capacity;
    struct px_gan_losses sum; /* of the steps since the last line */
    int64_t over, images;     /* of how many steps, and images */
    double compute, data;     /* seconds, likewise */
};

static int keep_losses(struct px_history *h, const struct px_history_losses *losses,
                       struct px_error *err)
{
    struct px_history_losses *list =
        px_array_grow(h->losses, &h->losses_capacity, h->losses_count + 1, sizeof *list);

    if (!list)
        return px_fail(err, PX_E_NOMEM, "no memory for another line of losses");
    h->losses = list;
    list[h->losses_count++] = *losses;
    return 0;
}

static int keep_epoch(struct px_history *h, const struct px_history_epoch *epoch,
                      struct px_error *err)
{
    struct px_history_epoch *list =
        px_array_grow(h->epochs, &h->epochs_capacity, h->epochs_count + 1, sizeof *list);

    if (!list)
        return px_fail(err, PX_E_NOMEM, "no memory for another epoch");
    h->epochs = list;
    list[h->epochs_count++] = *epoch;
    return 0;
}

/* mode: as of fopen(). */
static int put_line(const char *path, const char *mode, const char *line, struct px_error *err)
{
    FILE *file = fopen(path, mode);

    if (!file)
        return px_fail(err, PX_E_IO, "%s: cannot open: %s", path, strerror(errno));
    bool bad = fputs(line, file) < 0;
    if (fclose(file) != 0 || bad)
        return px_fail(err, PX_E_IO, "%s: cannot write: %s", path, strerror(errno));
    return 0;
}

/* 0 if there is no such number. */
static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static int keep_object(struct px_history *h, const json_t *object, struct px_error *err)
{
    int64_t step = (int64_t)number_of(object, "step");

    if (json_object_get(object, "val_L1")) {
        const struct px_history_epoch epoch = {
            .epoch = (int64_t)number_of(object, "epoch"),
            .step = step,
            .quality = {number_of(object, "val_L1"), number_of(object, "val_PSNR"),
                        number_of(object, "val_SSIM")},
            .pairs = (size_t)number_of(object, "val_pairs"),
            .best = json_is_true(json_object_get(object, "best")),
            .seconds = number_of(object, "epoch_seconds"),
        };
        return keep_epoch(h, &epoch, err);
    }
    const struct px_history_losses losses = {
        .step = step,
        .lr = number_of(object, "lr"),
        .mean = {(float)number_of(object, "G_GAN"), (float)number_of(object, "G_L1"),
                 (float)number_of(object, "D_real"), (float)number_of(object, "D_fake")},
    };
    return keep_losses(h, &losses, err);
}

/* Reads one line of metrics.jsonl; *step is 0 if it has none. */
static int read_metrics(struct px_history *h, const char *line, int64_t last, int64_t *step,
                        struct px_error *err)
{
    json_t *object = json_loads(line, 0, NULL);
    double number = number_of(object, "step");
    int rc = 0;

    *step = number >= 1 && number < 0x1p53 ? (int64_t)number : 0;
    if (h->options.validates_again && *step == last && json_object_get(object, "val_L1"))
        *step = last + 1; /* as a later one: cut */
    if (*step > 0 && *step <= last)
        rc = keep_object(h, object, err);
    json_decref(object);
    return rc;
}

static int read_loss_log(struct px_history *h, const char *line, int64_t last, int64_t *step,
                         struct px_error *err)
{
    long long epoch, images;

    (void)last, (void)err;
    *step = 0; /* a header */
    if (sscanf(line, "(epoch: %lld, iters: %lld,", &epoch, &images) == 2)
        *step = (epoch - 1) * h->options.steps_per_epoch + images / h->options.batch_size;
    return 0;
}

typedef int history_reader(struct px_history *h, const char *line, int64_t last, int64_t *step,
                           struct px_error *err);

/* Reads a file up to its first line of a later step (or to half a line that a crash left) and cuts
 * it there. A missing file is as an empty one. */
static int read_and_cut(struct px_history *h, const char *path, int64_t last,
                        history_reader *read_line, struct px_error *err)
{
    uint8_t *data;
    size_t size, at = 0;
    struct px_error own = {0};
    int rc = px_file_read(path, max_file, &data, &size, &own);

    if (rc == -PX_E_NOT_FOUND)
        return 0;
    if (rc)
        return px_fail(err, (enum px_code) - rc, "%s", own.message);
    while (at < size) {
        char *line = (char *)data + at;
        char *end = memchr(line, '\n', size - at);
        int64_t step;
        if (!end)
            break;
        *end = 0;
        rc = read_line(h, line, last, &step, err);
        if (rc || step > last)
            break;
        at += (size_t)(end - line) + 1;
    }
    free(data);
    if (!rc && at < size && truncate(path, (off_t)at) != 0)
        rc = px_fail(err, PX_E_IO, "%s: cannot cut: %s", path, strerror(errno));
    return rc;
}

static int begin_files(struct px_history *h, int64_t step, struct px_error *err)
{
    time_t now = time(NULL);
    struct tm local;
    char when[64] = "", header[160];
    int rc = 0;

    if (step > 0 && (rc = read_and_cut(h, h->options.metrics, step, read_metrics, err)) == 0)
        rc = read_and_cut(h, h->options.loss_log, step, read_loss_log, err);
    if (rc)
        return rc;
    if (localtime_r(&now, &local))
        strftime(when, sizeof when, "%c", &local);
    snprintf(header, sizeof header, "================ Training Loss (%s) ================\n", when);
    rc = put_line(h->options.loss_log, step ? "a" : "w", header, err);
    return rc ? rc : put_line(h->options.metrics, step ? "a" : "w", "", err);
}

int px_history_open(struct px_history **out, const struct px_history_options *options, int64_t step,
                    struct px_error *err)
{
    struct px_history *h = calloc(1, sizeof *h);

    assert(options->steps_per_epoch > 0 && options->batch_size > 0 && options->print_freq > 0);
    if (!h)
        return px_fail(err, PX_E_NOMEM, "no memory for the history of losses");
    h->options = *options;
    int rc = begin_files(h, step, err);
    if (rc) {
        px_history_close(h);
        return rc;
    }
    *out = h;
    return 0;
}

void px_history_close(struct px_history *h)
{
    if (!h)
        return;
    free(h->losses);
    free(h->epochs);
    free(h);
}

const struct px_history_losses *px_history_all_losses(const struct px_history *h, size_t *count)
{
    *count = h->losses_count;
    return h->losses;
}

const struct px_history_epoch *px_history_all_epochs(const struct px_history *h, size_t *count)
{
    *count = h->epochs_count;
    return h->epochs;
}

int64_t px_history_steps_per_epoch(const struct px_history *h)
{
    return h->options.steps_per_epoch;
}

static void utc(char *out, size_t room)
{
    time_t now = time(NULL);
    struct tm tm;

    out[0] = 0;
    if (gmtime_r(&now, &tm))
        strftime(out, room, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int log_losses(const struct px_history *h, const struct px_history_step *s,
                      struct px_error *err)
{
    int64_t epoch = (s->step - 1) / h->options.steps_per_epoch;
    double images = (double)s->images;
    const struct px_gan_losses *l = &s->losses;
    char line[320];

    snprintf(line, sizeof line,
             "(epoch: %" PRId64 ", iters: %" PRId64
             ", time: %.3f, data: %.3f) G_GAN: %.3f G_L1: %.3f D_real: %.3f D_fake: %.3f \n",
             epoch + 1, (s->step - epoch * h->options.steps_per_epoch) * h->options.batch_size,
             s->compute / images, s->data / images, (double)l->G_GAN, (double)l->G_L1,
             (double)l->D_real, (double)l->D_fake);
    return put_line(h->options.loss_log, "a", line, err);
}

static int write_losses(struct px_history *h, const struct px_history_step *s, struct px_error *err)
{
    float n = (float)h->over;
    double images = (double)h->images;
    const struct px_history_losses losses = {
        .step = s->step,
        .lr = s->lr,
        .mean = {h->sum.G_GAN / n, h->sum.G_L1 / n, h->sum.D_real / n, h->sum.D_fake / n},
    };
    const struct px_gan_losses *m = &losses.mean;
    char line[480], now[32];

    utc(now, sizeof now);
    snprintf(line, sizeof line,
             "{\"epoch\":%" PRId64 ",\"step\":%" PRId64
             ",\"lr\":%.9g,\"G_GAN\":%.6g,\"G_L1\":%.6g,\"D_real\":%.6g,\"D_fake\":%.6g,"
             "\"over\":%" PRId64
             ",\"seconds_per_image\":%.4g,\"data_seconds_per_image\":%.4g,\"time\":\"%s\"}\n",
             (s->step - 1) / h->options.steps_per_epoch + 1, s->step, s->lr, (double)m->G_GAN,
             (double)m->G_L1, (double)m->D_real, (double)m->D_fake, h->over, h->compute / images,
             h->data / images, now);
    int rc = put_line(h->options.metrics, "a", line, err);
    if (!rc)
        rc = keep_losses(h, &losses, err);
    h->sum = (struct px_gan_losses){0};
    h->over = h->images = 0;
    h->compute = h->data = 0;
    return rc;
}

int px_history_add_step(struct px_history *h, const struct px_history_step *s, struct px_error *err)
{
    int64_t images = s->step * h->options.batch_size;
    bool due =
        images / h->options.print_freq != (images - h->options.batch_size) / h->options.print_freq;
    int rc = 0;

    h->sum.G_GAN += s->losses.G_GAN;
    h->sum.G_L1 += s->losses.G_L1;
    h->sum.D_real += s->losses.D_real;
    h->sum.D_fake += s->losses.D_fake;
    h->over++;
    h->images += s->images;
    h->compute += s->compute;
    h->data += s->data;
    if (due)
        rc = log_losses(h, s, err);
    if (!rc && (due || s->step % h->options.steps_per_epoch == 0))
        rc = write_losses(h, s, err);
    return rc;
}

int px_history_add_epoch(struct px_history *h, const struct px_history_epoch *e,
                         struct px_error *err)
{
    char line[400], now[32];

    utc(now, sizeof now);
    snprintf(line, sizeof line,
             "{\"epoch\":%" PRId64 ",\"step\":%" PRId64
             ",\"val_L1\":%.6g,\"val_PSNR\":%.6g,\"val_SSIM\":%.6g,\"val_pairs\":%zu,\"best\":%s,"
             "\"epoch_seconds\":%.4g,\"time\":\"%s\"}\n",
             e->epoch, e->step, e->quality.l1, e->quality.psnr, e->quality.ssim, e->pairs,
             e->best ? "true" : "false", e->seconds, now);
    int rc = put_line(h->options.metrics, "a", line, err);
    return rc ? rc : keep_epoch(h, e, err);
}
