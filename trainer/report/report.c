#include "trainer/report/report.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/path.h"
#include "codecs/codec.h"
#include "trainer/report/machine.h"
#include "trainer/report/parts/report_charts.h"
#include "trainer/report/parts/report_page.h"
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

/* A page that is being written. */
struct page {
    const struct px_report *report;
    FILE *out;
    int64_t epoch; /* the latest */
    bool failed;   /* memory ran out */
};

static const struct px_history_epoch *last_epoch(const struct px_report *r)
{
    size_t count;
    const struct px_history_epoch *epochs = px_history_all_epochs(r->history, &count);

    return count ? &epochs[count - 1] : NULL;
}

/* The last epoch that was better than all before; NULL if there is none. */
static const struct px_history_epoch *best_epoch(const struct px_report *r)
{
    size_t count;
    const struct px_history_epoch *epochs = px_history_all_epochs(r->history, &count);

    for (size_t i = count; i > 0; i--)
        if (epochs[i - 1].best)
            return &epochs[i - 1];
    return NULL;
}

/* A browser reloads the page until the training is complete. */
static void write_refresh(struct page *p)
{
    if (p->epoch < p->report->epochs)
        fputs("<meta http-equiv=\"refresh\" content=\"60\">\n", p->out);
}

/* NAME of NAME.safetensors, without folders. */
static void write_name(struct page *p)
{
    char name[PX_PATH_MAX];

    snprintf(name, sizeof name, "%s", px_path_name(p->report->output->checkpoint));
    name[px_path_stem_length(name)] = 0;
    write_text(p->out, name);
}

static void write_epoch(struct page *p)
{
    fprintf(p->out, "%" PRId64, p->epoch);
}

static void write_epochs(struct page *p)
{
    fprintf(p->out, "%" PRId64, p->report->epochs);
}

static void write_style(struct page *p)
{
    fputs(px_report_style, p->out);
}

static void write_network(struct page *p)
{
    const struct px_network *n = p->report->network;

    fprintf(p->out, "%s, ngf %d, %s", n->architecture, n->ngf, n->direction);
}

static void write_pairs(struct page *p)
{
    fprintf(p->out, "%zu", p->report->pairs);
}

static void write_time(struct page *p)
{
    char now[64] = "";
    time_t t = time(NULL);
    struct tm tm;

    if (gmtime_r(&t, &tm))
        strftime(now, sizeof now, "%Y-%m-%d %H:%M UTC", &tm);
    fputs(now, p->out);
}

static void write_progress(struct page *p)
{
    const struct px_report *r = p->report;
    FILE *out = p->out;
    int64_t epoch = p->epoch, step = epoch * px_history_steps_per_epoch(r->history);
    size_t count;
    const struct px_history_epoch *epochs = px_history_all_epochs(r->history, &count);
    double total = 0, left = r->seconds_per_step * (double)(r->end - step);
    char spent[32], rest[32];

    for (size_t i = 0; i < count; i++)
        total += epochs[i].seconds;
    px_progress_duration(total, spent, sizeof spent);
    px_progress_duration(left, rest, sizeof rest);
    fprintf(out,
            "<div class=\"bar\"><i style=\"width:%.2f%%\"></i></div>\n"
            "<p>Epoch <b>%" PRId64 "</b> of %" PRId64 " &middot; step %" PRId64 " of %" PRId64
            " &middot; %s so far",
            100 * (double)epoch / (double)r->epochs, epoch, r->epochs, step, r->end, spent);
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

static void write_tiles(struct page *p)
{
    const struct px_report *r = p->report;
    FILE *out = p->out;
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
                   (double)r->pairs / (double)px_history_steps_per_epoch(r->history) /
                       r->seconds_per_step);
    fputs("</div>\n", out);
}

static void write_image(FILE *out, const char *url, const char *alt)
{
    fprintf(out, "<img src=\"%s\" alt=\"%s\">", url, alt);
}

static void write_curves(struct page *p)
{
    const struct px_history_epoch *best = best_epoch(p->report);

    if (!px_report_charts(p->report->history, p->report->settings->lambda_L1,
                          best ? best->epoch : 0, p->out))
        p->failed = true;
}

static void write_latest(struct page *p)
{
    static const char *const names[] = {"input", "output", "target"};
    const struct px_report *r = p->report;
    FILE *out = p->out;

    fprintf(out, "<h2>Now <span>after epoch %" PRId64 ", %s</span></h2>\n<div class=\"now\">\n",
            p->epoch,
            r->has_val ? "the first pairs of val/" : "the first training pairs (there is no val/)");
    for (size_t row = 0; row < px_thumbs_rows(r->thumbs); row++) {
        fputs("<div class=\"card\">", out);
        for (size_t c = 0; c < 3; c++) {
            fputs("<div>", out);
            write_image(out, px_thumbs_large(r->thumbs, row, c), names[c]);
            fprintf(out, "%s</div>", names[c]);
        }
        fputs("</div>\n", out);
    }
    fputs("</div>\n", out);
}

static void write_strip(struct page *p)
{
    const struct px_thumbs *t = p->report->thumbs;
    FILE *out = p->out;
    size_t count;
    const struct px_thumbs_epoch *epochs = px_thumbs_epochs(t, &count);

    fputs("<h2>Epoch by epoch</h2>\n<div class=\"card scroll\"><table class=\"strip\"><tr>"
          "<th class=\"edge\">input</th>",
          out);
    for (size_t e = 0; e < count; e++)
        fprintf(out, "<th>%s%" PRId64 "</th>", e == 0 ? "epoch " : "", epochs[e].epoch);
    fputs("<th class=\"last\">target</th></tr>\n", out);
    for (size_t row = 0; row < px_thumbs_rows(t); row++) {
        fputs("<tr><td class=\"edge\">", out);
        write_image(out, px_thumbs_small(t, row, 0), "input");
        fputs("</td>", out);
        for (size_t e = 0; e < count; e++) {
            fputs("<td>", out);
            write_image(out, epochs[e].outputs[row], "output");
            fputs("</td>", out);
        }
        fputs("<td class=\"last\">", out);
        write_image(out, px_thumbs_small(t, row, 2), "target");
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

static void write_options(struct page *p)
{
    FILE *out = p->out;
    struct px_train_settings_row row;

    fputs("<h2>Options <span>bold: not the default</span></h2>\n<div class=\"card facts\">\n", out);
    for (size_t i = 0; px_train_settings_row(p->report->settings, i, &row); i++)
        write_fact(out, row.name, row.value, !row.is_default);
    fputs("</div>\n", out);
}

static void write_machine(struct page *p)
{
    const struct px_report *r = p->report;
    FILE *out = p->out;
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

/* What a {{NAME}} of the page stands for. */
static const struct placeholder {
    const char *name;
    void (*write)(struct page *page);
} placeholders[] = {
    {"refresh", write_refresh}, {"name", write_name},       {"epoch", write_epoch},
    {"epochs", write_epochs},   {"style", write_style},     {"network", write_network},
    {"pairs", write_pairs},     {"time", write_time},       {"progress", write_progress},
    {"tiles", write_tiles},     {"curves", write_curves},   {"latest", write_latest},
    {"strip", write_strip},     {"options", write_options}, {"machine", write_machine},
};

static const struct placeholder *find_placeholder(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
        if (strncmp(placeholders[i].name, name, length) == 0 && placeholders[i].name[length] == 0)
            return &placeholders[i];
    return NULL;
}

/* Writes the page; false without memory. */
static bool write_page(const struct px_report *r, FILE *out, int64_t epoch)
{
    struct page page = {.report = r, .out = out, .epoch = epoch};
    const char *at = px_report_html, *open;

    while ((open = strstr(at, "{{")) != NULL) {
        const char *close = strstr(open, "}}");
        const struct placeholder *part =
            close ? find_placeholder(open + 2, (size_t)(close - open - 2)) : NULL;
        assert(part);
        fwrite(at, 1, (size_t)(open - at), out);
        part->write(&page);
        at = close + 2;
    }
    fputs(at, out);
    return !page.failed;
}

int px_report_write(const struct px_report *r, int64_t epoch, const struct px_image *sheet,
                    struct px_error *err)
{
    char *text = NULL;
    size_t size = 0;
    int rc = px_thumbs_add(r->thumbs, epoch, sheet, err);

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

int px_report_resume(const struct px_report *r, int64_t epoch, struct px_error *err)
{
    uint32_t side = (uint32_t)r->network->crop_size;
    uint32_t height =
        (uint32_t)px_thumbs_rows(r->thumbs) * (side + PX_PREVIEW_GAP) - PX_PREVIEW_GAP;

    for (int64_t e = 1; e <= epoch; e++) {
        char path[PX_PATH_MAX];
        struct px_image sheet = {0};
        if (!px_thumbs_keeps(e, epoch) || px_output_picture(r->output, e, path, NULL) != 0 ||
            px_image_load(path, NULL, 3, &sheet, NULL) != 0)
            continue;
        int rc = 0;
        if (sheet.height == height && sheet.width == 3 * side + 2 * PX_PREVIEW_GAP)
            rc = px_thumbs_add(r->thumbs, e, &sheet, err);
        px_image_clear(&sheet);
        if (rc)
            return rc;
    }
    return 0;
}
