#include "model/dnn/parts/winograd_parts.h"

#include "base/simd.h"

enum { WIDEST = 32, MOST_TAPS = PX_MINIMAL_KERNEL_MAX * PX_MINIMAL_KERNEL_MAX };

/* All taps of the weights from one input channel to the columns of a panel, in the order of the
 * convolution with stride 1. */
struct panel_taps {
    double tap[MOST_TAPS][WIDEST];
};

static void gather(const struct px_winograd *w, const float *plain, size_t k, size_t first,
                   struct panel_taps *to)
{
    const struct px_conv_desc *d = &w->desc;
    size_t ic = (size_t)d->ic, kernel = (size_t)d->kernel, stride = (size_t)d->stride;
    size_t taps = (size_t)w->shape.taps, part = k / ic, c = k % ic;

    for (size_t o = 0; o < WIDEST; o++)
        for (size_t t = 0; t < taps * taps; t++) {
            size_t y = stride * (t / taps) + part / stride, x = stride * (t % taps) + part % stride;
            size_t at = (((first + o) * ic + c) * kernel + y) * kernel + x;

            to->tap[t][o] = first + o < (size_t)d->oc ? (double)plain[at] : 0;
        }
}

/* Element (i, j) of the transformed weights: row i along y, row j along x. */
PX_CLONES static void transform(const struct panel_taps *from, const double *y, const double *x,
                                size_t taps, float *to, size_t width)
{
    double sum[WIDEST] = {0};

    for (size_t t = 0; t < taps * taps; t++) {
        double factor = y[t / taps] * x[t % taps];
        for (size_t o = 0; o < WIDEST; o++)
            sum[o] += factor * from->tap[t][o];
    }
    for (size_t o = 0; o < width; o++)
        to[o] = (float)sum[o];
}

void px_winograd_pack(const struct px_winograd *w, const float *plain, float *packed, int threads)
{
    const struct px_winograd_shape *s = &w->shape;
    size_t panel = w->multiplier->panel, panels = (s->width + panel - 1) / panel;
    size_t points = (size_t)s->points, taps = (size_t)s->taps;
    struct px_minimal_weights rows;

    px_minimal_weights_make(&rows, s->side, s->taps);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < panels * s->depth; i++) {
        size_t column = i / s->depth * panel, k = i % s->depth, left = s->width - column;
        size_t width = left < panel ? left : panel;
        struct panel_taps from;

        gather(w, plain, k, column, &from);
        for (size_t e = 0; e < points * points; e++)
            transform(&from, rows.row[e / points], rows.row[e % points], taps,
                      packed + (e * s->width + column) * s->depth + k * width, width);
    }
}
