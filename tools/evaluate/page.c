#include "tools/evaluate/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/path.h"
#include "codecs/base64.h"
#include "codecs/codec.h"
#include "codecs/resize.h"

enum { THUMB_SIDE = 256, THUMB_QUALITY = 85, PLOT_WIDTH = 330, PLOT_HEIGHT = 130 };

static const char head[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><title>Evaluation</title><style>"
    "body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:100rem;padding:0 1rem}"
    "table{border-collapse:collapse}th,td{padding:.3rem .7rem;text-align:right;vertical-align:top}"
    "th:first-child,td:first-child{text-align:left}thead th{border-bottom:1px solid}"
    "tbody tr+tr{border-top:1px solid #8884}button{font:inherit;margin:0 .3rem .3rem 0}"
    "#pictures td{text-align:left}img{width:12rem;display:block}"
    ".names{min-width:6rem;max-width:14rem;overflow-wrap:anywhere}"
    "svg{background:#8881}svg polyline{fill:none;stroke-width:1.5}figure{display:inline-block;"
    "margin:0 1rem 1rem 0}</style>";

/* Sorting, worst first: a higher L1 is worse, all else the other way round. */
static const char script[] =
    "<script>const body=document.getElementById('pictures');"
    "for(const b of document.querySelectorAll('button[data-metric]'))b.onclick=()=>{"
    "const m=b.dataset.metric,s=m==='l1'?-1:1,v=r=>{const x=parseFloat(r.dataset[m]);"
    "return isNaN(x)?1e9:s*x};"
    "body.append(...[...body.rows].sort((p,q)=>v(p)-v(q)));};</script>";

static const char *const strokes[] = {"#d1495b", "#2e86ab", "#3a9d5d", "#8e5ea2",
                                      "#e08e45", "#4c956c", "#c05299", "#6c757d"};

static void append_escaped(struct px_buffer *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            px_buffer_append_text(out, "&lt;");
            break;
        case '>':
            px_buffer_append_text(out, "&gt;");
            break;
        case '&':
            px_buffer_append_text(out, "&amp;");
            break;
        case '"':
            px_buffer_append_text(out, "&quot;");
            break;
        default:
            px_buffer_append(out, text, 1);
        }
}

/* A cell with the picture, at most THUMB_SIDE pixels high or wide; an empty cell for none. */
static int append_picture(struct px_buffer *out, const struct px_image *image, struct px_error *err)
{
    static const struct px_encoding jpeg = {.format = PX_FORMAT_JPEG, .quality = THUMB_QUALITY};
    struct px_image small;
    struct px_buffer file = {0};

    if (!image->data) {
        px_buffer_append_text(out, "<td>");
        return 0;
    }
    uint32_t longest = image->width > image->height ? image->width : image->height;
    uint32_t most = longest < THUMB_SIDE ? longest : THUMB_SIDE;
    uint32_t width = image->width * most / longest, height = image->height * most / longest;
    int rc = px_image_resize(image, width ? width : 1, height ? height : 1, &small, err);
    if (rc)
        return rc;
    rc = px_image_encode(&small, &jpeg, &file, err);
    px_image_clear(&small);
    if (!rc) {
        px_buffer_append_text(out, "<td><img loading=\"lazy\" src=\"data:image/jpeg;base64,");
        char *text = px_buffer_reserve(out, px_base64_size(file.size));
        if (text) {
            px_base64_encode(file.data, file.size, text);
            out->size += px_base64_size(file.size);
        }
        px_buffer_append_text(out, "\">");
    }
    px_buffer_clear(&file);
    return rc;
}

/* The first model's scores, for sorting. */
static void append_sort_keys(struct px_buffer *out, const struct px_evaluated_row *row)
{
    for (int m = 0; m < PX_METRICS; m++)
        if (row->pair && !isnan(row->scores[0].of[m]))
            px_buffer_appendf(out, " data-%s=\"%.6f\"",
                              m == PX_METRIC_MS_SSIM ? "ms" : px_metric_keys[m],
                              row->scores[0].of[m]);
}

static void append_scores(struct px_buffer *out, const struct px_scores *scores)
{
    px_buffer_append_text(out, "<div>");
    for (int m = 0; m < PX_METRICS; m++)
        if (!isnan(scores->of[m]))
            px_buffer_appendf(out, "%s %.*f<br>", px_metric_titles[m], m == PX_METRIC_PSNR ? 2 : 4,
                              scores->of[m]);
    px_buffer_append_text(out, "</div>");
}

/* Notes the place of the row that begins at `start`. */
static int add_place(struct px_page *page, size_t start, const struct px_evaluated_row *row,
                     struct px_error *err)
{
    struct px_page_row *more =
        px_array_grow(page->order, &page->capacity, page->count + 1, sizeof *more);

    if (!more || page->rows.failed)
        return px_fail(err, PX_E_NOMEM, "no memory for the report's pictures");
    page->order = more;
    more[page->count++] = (struct px_page_row){start, page->rows.size - start,
                                               row->pair ? row->scores[0].of[PX_METRIC_L1] : -1};
    return 0;
}

int px_page_add(struct px_page *page, const struct px_evaluation *e,
                const struct px_evaluated_pictures *pictures, struct px_error *err)
{
    const struct px_evaluated_row *row = &e->rows[e->row_count - 1];
    struct px_buffer *out = &page->rows;
    size_t start = out->size;

    px_buffer_append_text(out, "<tr");
    append_sort_keys(out, row);
    px_buffer_append_text(out, "><td class=\"names\">");
    append_escaped(out, row->name);
    int rc = append_picture(out, &pictures->example.input, err);
    for (int i = 0; i < e->model_count && !rc; i++) {
        rc = append_picture(out, &pictures->answers[i], err);
        if (row->pair)
            append_scores(out, &row->scores[i]);
    }
    if (!rc)
        rc = append_picture(out, &pictures->example.target, err);
    px_buffer_append_text(out, "</tr>\n");
    return rc ? rc : add_place(page, start, row, err);
}

static void append_means(struct px_buffer *out, const char *name, const struct px_means *means)
{
    px_buffer_append_text(out, "<tr><td>");
    append_escaped(out, name);
    for (int m = 0; m < PX_METRICS; m++) {
        double value = px_means_get(means, (enum px_metric)m);

        if (isnan(value))
            px_buffer_append_text(out, "<td>–");
        else
            px_buffer_appendf(out, "<td>%.*f", m == PX_METRIC_PSNR ? 2 : 4, value);
    }
}

static void append_label_row(struct px_buffer *out, const struct px_evaluation *e, const char *name,
                             const struct px_confusion *labels)
{
    const struct px_label_scores s = px_confusion_scores(labels, &e->palette);

    px_buffer_append_text(out, "<tr><td>");
    append_escaped(out, name);
    px_buffer_appendf(out, "<td>%.4f<td>%.4f<td>%.4f</tr>", s.pixel, s.class_mean, s.iou);
}

static void append_labels(struct px_buffer *out, const struct px_evaluation *e)
{
    if (!e->has_labels)
        return;
    px_buffer_append_text(out, "<h2>Labels</h2><table><thead><tr><th><th>per-pixel accuracy<th>"
                               "per-class accuracy<th>class IOU</thead><tbody>");
    if (e->segmenter.model)
        append_label_row(out, e, "the targets (the ceiling)", &e->ceiling);
    for (int i = 0; i < e->model_count; i++)
        append_label_row(out, e, px_path_name(e->models[i].path), &e->models[i].labels);
    px_buffer_append_text(out, "</tbody></table>");
}

/* Logarithm of the share of pixels in each bin, as the paper draws it; from 1e-6 to 1. */
static void append_line(struct px_buffer *out, const struct px_colours *colours,
                        enum px_colour_axis axis, const char *stroke)
{
    px_buffer_appendf(out, "<polyline stroke=\"%s\" points=\"", stroke);
    for (int i = 0; i < PX_COLOUR_BINS; i++) {
        double share = (double)colours->bins[axis][i] / (double)colours->pixels;
        double level = share > 1e-6 ? 1 + log10(share) / 6 : 0;

        px_buffer_appendf(out, "%d,%.1f ", i * PLOT_WIDTH / PX_COLOUR_BINS,
                          PLOT_HEIGHT - level * PLOT_HEIGHT);
    }
    px_buffer_append_text(out, "\"/>");
}

static void append_colours(struct px_buffer *out, const struct px_evaluation *e)
{
    static const char *const titles[] = {"L, 0 to 100", "a, -110 to 110", "b, -110 to 110"};

    px_buffer_append_text(out, "<h2>Colours</h2><p>Share of the pixels with each value, on a "
                               "logarithmic scale: the targets in black or white, then");
    for (int i = 0; i < e->model_count; i++) {
        px_buffer_appendf(out, "%s<span style=\"color:%s\">", i ? ", " : " ", strokes[i]);
        append_escaped(out, px_path_name(e->models[i].path));
        px_buffer_append_text(out, "</span>");
    }
    px_buffer_append_text(out, ".</p>");
    for (int axis = 0; axis < PX_COLOUR_AXES; axis++) {
        px_buffer_appendf(out, "<figure><svg width=\"%d\" height=\"%d\">", PLOT_WIDTH, PLOT_HEIGHT);
        append_line(out, &e->target_colours, (enum px_colour_axis)axis, "currentColor");
        for (int i = 0; i < e->model_count; i++)
            append_line(out, &e->models[i].colours, (enum px_colour_axis)axis, strokes[i]);
        px_buffer_appendf(out, "</svg><figcaption>%s; in common:", titles[axis]);
        for (int i = 0; i < e->model_count; i++)
            px_buffer_appendf(out, " <span style=\"color:%s\">%.3f</span>", strokes[i],
                              px_colours_intersection(&e->models[i].colours, &e->target_colours,
                                                      (enum px_colour_axis)axis));
        px_buffer_append_text(out, "</figcaption></figure>");
    }
}

static void append_summary(struct px_buffer *out, const struct px_evaluation *e)
{
    px_buffer_appendf(out, "<h1>Evaluation</h1><p>%zu pair%s", e->pairs, e->pairs == 1 ? "" : "s");
    if (e->singles)
        px_buffer_appendf(out, " and %zu single picture%s", e->singles, e->singles == 1 ? "" : "s");
    px_buffer_append_text(out, ".</p>");
    if (!e->pairs)
        return;
    px_buffer_append_text(out, "<table><thead><tr><th>");
    for (int m = 0; m < PX_METRICS; m++)
        px_buffer_appendf(out, "<th>%s", px_metric_titles[m]);
    px_buffer_append_text(out, "</thead><tbody>");
    append_means(out, "the mean colour of the training targets", &e->constant_means);
    append_means(out, "the input itself", &e->input_means);
    for (int i = 0; i < e->model_count; i++)
        append_means(out, px_path_name(e->models[i].path), &e->models[i].means);
    px_buffer_append_text(out, "</tbody></table>");
    append_labels(out, e);
    append_colours(out, e);
}

/* The worst first; equal ones by name. */
static int compare_rows(const void *a, const void *b)
{
    const struct px_page_row *p = a, *q = b;

    if (p->l1 != q->l1)
        return p->l1 > q->l1 ? -1 : 1;
    return p->start < q->start ? -1 : 1;
}

static void append_rows(struct px_buffer *out, struct px_page *page)
{
    if (page->count > 1)
        qsort(page->order, page->count, sizeof *page->order, compare_rows);
    for (size_t i = 0; i < page->count; i++)
        px_buffer_append(out, (const char *)page->rows.data + page->order[i].start,
                         page->order[i].size);
}

int px_page_save(struct px_page *page, const struct px_evaluation *e, const char *path,
                 struct px_error *err)
{
    struct px_buffer out = {0};

    px_buffer_append_text(&out, head);
    append_summary(&out, e);
    px_buffer_append_text(&out, "<h2>Pictures</h2>");
    if (e->pairs)
        px_buffer_append_text(&out, "<p>Worst first, by the first model's "
                                    "<button data-metric=\"l1\">L1</button>"
                                    "<button data-metric=\"psnr\">PSNR</button>"
                                    "<button data-metric=\"ssim\">SSIM</button>"
                                    "<button data-metric=\"ms\">MS-SSIM</button></p>");
    px_buffer_append_text(&out, "<table><thead><tr><th><th>input");
    for (int i = 0; i < e->model_count; i++) {
        px_buffer_append_text(&out, "<th>");
        append_escaped(&out, px_path_name(e->models[i].path));
    }
    px_buffer_append_text(&out, "<th>target</thead><tbody id=\"pictures\">\n");
    append_rows(&out, page);
    px_buffer_append_text(&out, "</tbody></table>");
    px_buffer_append_text(&out, script);
    int rc = out.failed || page->rows.failed
                 ? px_fail(err, PX_E_NOMEM, "no memory for the report %s", path)
                 : px_file_save(path, out.data, out.size, err);
    px_buffer_clear(&out);
    return rc;
}

void px_page_clear(struct px_page *page)
{
    px_buffer_clear(&page->rows);
    free(page->order);
    page->order = NULL;
    page->count = page->capacity = 0;
}
