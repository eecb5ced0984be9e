#include "trainer/report/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "trainer/report/machine.h"
#include "trainer/report/parts/report_charts.h"
#include "trainer/report/parts/report_style.h"
#include "trainer/report/progress.h"
#include "trainer/settings/settings_text.h"

/* Text that came from outside, safe inside elements and quoted attributes. */
static void write_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '<'    ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '&'  ? "&amp;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;
        if (entity)
            fputs(entity, out);
        else
            fputc(*text, out);
    }
}

/* NAME of NAME.safetensors, without folders. */
static void stem(const struct px_report *r, char *out, size_t room)
{
    const char *slash = strrchr(r->output->checkpoint, '/');
    const char *name = slash ? slash + 1 : r->output->checkpoint;

    snprintf(out, room, "%.*s", (int)(strlen(name) - strlen(".safetensors")), name);
}

static const struct px_history_epoch *last_epoch(const struct px_report *r)
{
    const struct px_history *h = r->history;

    return h->epochs_count ? &h->epochs[h->epochs_count - 1] : NULL;
}

/* The last epoch that was better than all before; NULL where there is none. */
static const struct px_history_epoch *best_epoch(const struct px_report *r)
{
    const struct px_history *h = r->history;

    for (size_t i = h->epochs_count; i > 0; i--)
        if (h->epochs[i - 1].best)
            return &h->epochs[i - 1];
    return NULL;
}

static void write_head(const struct px_report *r, FILE *out, int64_t epoch)
{
    char name[4096], now[64] = "";
    time_t t = time(NULL);
    struct tm tm;

    if (gmtime_r(&t, &tm))
        strftime(now, sizeof now, "%Y-%m-%d %H:%M UTC", &tm);
    stem(r, name, sizeof name);
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
          out);
    if (epoch < r->epochs)
        fputs("<meta http-equiv=\"refresh\" content=\"60\">\n", out);
    fputs("<title>", out);
    write_text(out, name);
    fprintf(out,
            ": epoch %" PRId64 " of %" PRId64 "</title>\n<style>\n%s</style></head>\n<body><main>\n"
            "<h1>",
            epoch, r->epochs, px_report_style);
    write_text(out, name);
    fprintf(out,
            "</h1>\n<p class=\"soft\">%s, ngf %d, %s &middot; %zu training pairs &middot; written "
            "%s</p>\n",
            r->network->architecture, r->network->ngf, r->network->direction, r->pairs, now);
}

static void write_progress(const struct px_report *r, FILE *out, int64_t epoch)
{
    const struct px_history *h = r->history;
    double total = 0, left = r->seconds_per_step * (double)(r->end - epoch * h->steps_per_epoch);
    char spent[32], rest[32];

    for (size_t i = 0; i < h->epochs_count; i++)
        total += h->epochs[i].seconds;
    px_progress_duration(total, spent, sizeof spent);
    px_progress_duration(left, rest, sizeof rest);
    fprintf(out,
            "<div class=\"bar\"><i style=\"width:%.2f%%\"></i></div>\n"
            "<p>Epoch <b>%" PRId64 "</b> of %" PRId64 " &middot; step %" PRId64 " of %" PRId64
            " &middot; %s so far",
            100 * (double)epoch / (double)r->epochs, epoch, r->epochs, epoch * h->steps_per_epoch,
            r->end, spent);
    if (epoch >= r->epochs)
        fputs(" &middot; complete</p>\n", out);
    else
        fprintf(out, " &middot; about %s left</p>\n", rest);
}

static void write_tile(FILE *out, const char *label, const char *format, double value)
{
    fputs("<div><b>", out);
    fprintf(out, format, value);
    fprintf(out, "</b><span>%s</span></div>\n", label);
}

static void write_tiles(const struct px_report *r, FILE *out)
{
    const struct px_history_epoch *last = last_epoch(r), *best = best_epoch(r);
    char label[96];

    if (!last)
        return;
    fputs("<div class=\"tiles\">\n", out);
    write_tile(out, "validation L1", "%.4f", last->quality.l1);
    write_tile(out, "validation PSNR", "%.2f dB", last->quality.psnr);
    write_tile(out, "validation SSIM", "%.4f", last->quality.ssim);
    if (best) {
        snprintf(label, sizeof label, "best L1, epoch %" PRId64, best->epoch);
        write_tile(out, label, "%.4f", best->quality.l1);
    }
    if (r->seconds_per_step > 0)
        write_tile(out, "images a second", "%.2f",
                   (double)r->pairs / (double)r->history->steps_per_epoch / r->seconds_per_step);
    fputs("</div>\n", out);
}

static void write_image(FILE *out, const char *url, const char *alt)
{
    fprintf(out, "<img src=\"%s\" alt=\"%s\">", url ? url : "", alt);
}

static void write_latest(const struct px_report *r, FILE *out, int64_t epoch)
{
    static const char *const names[] = {"input", "output", "target"};

    fprintf(out, "<h2>Now <span>after epoch %" PRId64 ", %s</span></h2>\n<div class=\"now\">\n",
            epoch,
            r->has_val ? "the first pairs of val/" : "the first training pairs (there is no val/)");
    for (size_t row = 0; row < r->thumbs.rows; row++) {
        fputs("<div class=\"card\">", out);
        for (int c = 0; c < 3; c++) {
            fputs("<div>", out);
            write_image(out, r->thumbs.large[row][c], names[c]);
            fprintf(out, "%s</div>", names[c]);
        }
        fputs("</div>\n", out);
    }
    fputs("</div>\n", out);
}

static void write_strip(const struct px_report *r, FILE *out)
{
    const struct px_thumbs *t = &r->thumbs;

    fputs("<h2>Epoch by epoch</h2>\n<div class=\"card scroll\"><table class=\"strip\"><tr>"
          "<th class=\"edge\">input</th>",
          out);
    for (size_t e = 0; e < t->count; e++)
        fprintf(out, "<th>%s%" PRId64 "</th>", e == 0 ? "epoch " : "", t->epochs[e].epoch);
    fputs("<th class=\"last\">target</th></tr>\n", out);
    for (size_t row = 0; row < t->rows; row++) {
        fputs("<tr><td class=\"edge\">", out);
        write_image(out, t->inputs[row], "input");
        fputs("</td>", out);
        for (size_t e = 0; e < t->count; e++) {
            fputs("<td>", out);
            write_image(out, t->epochs[e].outputs[row], "output");
            fputs("</td>", out);
        }
        fputs("<td class=\"last\">", out);
        write_image(out, t->targets[row], "target");
        fputs("</td></tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

static void write_fact(FILE *out, const char *name, const char *value, bool set)
{
    fprintf(out, "<div%s><span>%s</span><b>", set ? " class=\"set\"" : "", name);
    write_text(out, *value ? value : "\xe2\x80\x93");
    fputs("</b></div>\n", out);
}

static void write_options(const struct px_report *r, FILE *out)
{
    struct px_train_settings_row row;

    fputs("<h2>Options <span>bold: not the default</span></h2>\n<div class=\"card facts\">\n", out);
    for (size_t i = 0; px_train_settings_row(r->settings, i, &row); i++)
        write_fact(out, row.name, row.value, !row.is_default);
    fputs("</div>\n", out);
}

static void write_machine(const struct px_report *r, FILE *out)
{
    struct px_machine m;
    char text[128];

    px_machine_read(&m);
    fputs("<h2>Networks and machine</h2>\n<div class=\"card facts\">\n", out);
    snprintf(text, sizeof text, "%s, %.3f M parameters", r->network->architecture,
             (double)r->parameters_G / 1e6);
    write_fact(out, "generator", text, false);
    snprintf(text, sizeof text, "%.3f M parameters", (double)r->parameters_D / 1e6);
    write_fact(out, "discriminator", r->parameters_D ? text : "none", false);
    snprintf(text, sizeof text, "%zu%s", r->val_pairs, r->has_val ? "" : " (of training)");
    write_fact(out, "validation pairs", text, false);
    write_fact(out, "processor", m.cpu, false);
    snprintf(text, sizeof text, "%d of %d CPUs", r->threads, m.cpus);
    write_fact(out, "threads", text, false);
    snprintf(text, sizeof text, "%.2f GiB of %.1f GiB", m.peak / 0x1p30, m.memory / 0x1p30);
    write_fact(out, "memory, at most", text, false);
    write_fact(out, "system", m.system, false);
    write_fact(out, "program", "pix2pix-train " PX_VERSION, false);
    fputs("</div>\n", out);
}

/* Writes the page; false without memory. */
static bool write_page(const struct px_report *r, FILE *out, int64_t epoch)
{
    const struct px_history_epoch *best = best_epoch(r);

    write_head(r, out, epoch);
    write_progress(r, out, epoch);
    write_tiles(r, out);
    if (!px_report_charts(r->history, r->settings->lambda_L1, best ? best->epoch : 0, out))
        return false;
    write_latest(r, out, epoch);
    write_strip(r, out);
    write_options(r, out);
    write_machine(r, out);
    fputs("</main></body></html>\n", out);
    return true;
}

int px_report_write(struct px_report *r, int64_t epoch, const struct px_image *sheet,
                    struct px_error *err)
{
    char *text = NULL;
    size_t size = 0;
    int rc = px_thumbs_add(&r->thumbs, epoch, sheet, err);

    if (rc)
        return rc;
    FILE *out = open_memstream(&text, &size);
    bool good = out && write_page(r, out, epoch) && !ferror(out);
    if (out)
        good = fclose(out) == 0 && good;
    rc = good ? px_file_save(r->output->report, text, size, err)
              : px_fail(err, PX_E_NOMEM, "%s: no memory to write it", r->output->report);
    free(text);
    return rc;
}

int px_report_resume(struct px_report *r, int64_t epoch, struct px_error *err)
{
    uint32_t side = (uint32_t)r->network->crop_size;
    uint32_t height = (uint32_t)r->thumbs.rows * (side + PX_PREVIEW_GAP) - PX_PREVIEW_GAP;

    for (int64_t e = 1; e <= epoch; e++) {
        char path[4096];
        struct px_image sheet = {0};
        if (!px_thumbs_keeps(e, epoch) || px_output_picture(r->output, e, path, NULL) != 0 ||
            px_image_load(path, NULL, 3, &sheet, NULL) != 0)
            continue;
        int rc = 0;
        if (sheet.height == height && sheet.width == 3 * side + 2 * PX_PREVIEW_GAP)
            rc = px_thumbs_add(&r->thumbs, e, &sheet, err);
        px_image_destroy(&sheet);
        if (rc)
            return rc;
    }
    return 0;
}

void px_report_finish(struct px_report *r)
{
    px_thumbs_finish(&r->thumbs);
}
