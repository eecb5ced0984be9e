#include "trainer/report/parts/chart.h"

#include <math.h>
#include <stdbool.h>

enum {
    CHART_WIDTH = 560,
    CHART_HEIGHT = 250,
    LEFT = 50,
    RIGHT = 14,
    TOP = 12,
    BOTTOM = 34,
    SECTIONS = 260
};

struct frame {
    double x_max, y_min, y_max;
};

static double place_x(const struct frame *f, double x)
{
    return LEFT + x / f->x_max * (CHART_WIDTH - LEFT - RIGHT);
}

static double place_y(const struct frame *f, double y)
{
    return CHART_HEIGHT - BOTTOM -
           (y - f->y_min) / (f->y_max - f->y_min) * (CHART_HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten, so that about `count` of them span the range. */
static double round_step(double range, double count)
{
    double raw = range / count;
    double power = pow(10, floor(log10(raw)));
    double lead = raw / power;

    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/* The mean of a section of a line; false where it has no point. */
static bool section(const struct px_chart_line *line, size_t index, size_t sections, double *x,
                    double *y)
{
    size_t from = index * line->count / sections, to = (index + 1) * line->count / sections;

    *x = *y = 0;
    for (size_t i = from; i < to; i++) {
        *x += line->x[i];
        *y += line->y[i];
    }
    *x /= (double)(to - from);
    *y /= (double)(to - from);
    return to > from && isfinite(*y);
}

static size_t sections_of(const struct px_chart_line *line)
{
    return line->count < SECTIONS ? line->count : SECTIONS;
}

/* The range of what is drawn, widened to round numbers. False where there is nothing. */
static bool make_frame(const struct px_chart *chart, struct frame *f, double *step)
{
    double low = INFINITY, high = -INFINITY;

    for (int l = 0; l < PX_CHART_LINES; l++) {
        size_t n = sections_of(&chart->lines[l]);
        for (size_t i = 0; i < n; i++) {
            double x, y;
            if (!section(&chart->lines[l], i, n, &x, &y))
                continue;
            low = y < low ? y : low;
            high = y > high ? y : high;
        }
    }
    if (low > high)
        return false;
    if (high - low < 1e-9 + 1e-6 * fabs(high)) { /* a flat line, or a single point */
        double room = fabs(high) > 0 ? fabs(high) * 0.1 : 1;
        low -= room;
        high += room;
    }
    *step = round_step(high - low, 4);
    *f = (struct frame){chart->x_max > 0 ? chart->x_max : 1, floor(low / *step) * *step,
                        ceil(high / *step) * *step};
    return true;
}

static void draw_axes(FILE *out, const struct frame *f, double step)
{
    int digits = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    double along = round_step(f->x_max, 6);

    if (along < 1)
        along = 1; /* epochs are whole */
    for (long i = 0; f->y_min + (double)i * step <= f->y_max + step * 0.5; i++) {
        double v = f->y_min + (double)i * step, y = place_y(f, v);
        fprintf(out,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>\n",
                LEFT, CHART_WIDTH - RIGHT, y, y, LEFT - 8, y + 4, digits,
                fabs(v) < step * 1e-6 ? 0 : v);
    }
    for (long i = 0; (double)i * along <= f->x_max * (1 + 1e-9); i++)
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n",
                place_x(f, (double)i * along), CHART_HEIGHT - BOTTOM + 18, (double)i * along);
}

static void draw_line(FILE *out, const struct frame *f, const struct px_chart_line *line, int index)
{
    size_t n = sections_of(line);
    double x = 0, y = 0;

    if (n == 0)
        return;
    fprintf(out, "<polyline style=\"stroke:var(--line-%d)\" points=\"", index);
    for (size_t i = 0; i < n; i++)
        if (section(line, i, n, &x, &y))
            fprintf(out, "%.1f,%.1f ", place_x(f, x), place_y(f, y));
    fputs("\"/>\n", out);
    if (isfinite(y))
        fprintf(out, "<circle style=\"fill:var(--line-%d)\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n",
                index, place_x(f, x), place_y(f, y));
}

static void write_legend(FILE *out, const struct px_chart *chart)
{
    fprintf(out, "<figcaption><b>%s</b> <span>%s</span><span class=\"legend\">", chart->title,
            chart->about);
    for (int l = 0; l < PX_CHART_LINES; l++) {
        const struct px_chart_line *line = &chart->lines[l];
        size_t n = sections_of(line);
        double x, y;
        if (n == 0 || !section(line, n - 1, n, &x, &y))
            continue;
        fprintf(out, "<span><i style=\"background:var(--line-%d)\"></i>%s ", l, line->label);
        fprintf(out, "%.*f</span>", chart->digits, y);
    }
    fputs("</span></figcaption>\n", out);
}

void px_chart_write(FILE *out, const struct px_chart *chart)
{
    struct frame f;
    double step;

    fputs("<figure>", out);
    write_legend(out, chart);
    if (!make_frame(chart, &f, &step)) {
        fputs("<p class=\"empty\">nothing yet</p></figure>\n", out);
        return;
    }
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s over the epochs\">\n",
            CHART_WIDTH, CHART_HEIGHT, chart->title);
    draw_axes(out, &f, step);
    if (chart->mark > 0)
        fprintf(out,
                "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">best</text>\n",
                place_x(&f, chart->mark), place_x(&f, chart->mark), TOP, CHART_HEIGHT - BOTTOM,
                place_x(&f, chart->mark), CHART_HEIGHT - 2);
    for (int l = 0; l < PX_CHART_LINES; l++)
        draw_line(out, &f, &chart->lines[l], l);
    fputs("</svg></figure>\n", out);
}
