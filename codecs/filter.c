#include "codecs/filter.h"

#include <assert.h>
#include <math.h>

#include "base/block.h"

static double bicubic(double x)
{
    const double a = -0.5;

    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

/* The taps of one output position. The steps and their order are those of Pillow's
 * precompute_coeffs(), since the last bit of the doubles decides how a coefficient is rounded. */
static void fill_position(struct px_filter *f, uint32_t position, double scale, double *weight)
{
    double filter_scale = scale < 1 ? 1 : scale;
    double support = 2 * filter_scale;
    double centre = (position + 0.5) * scale;
    double inverse = 1.0 / filter_scale;
    int first = (int)(centre - support + 0.5);
    int end = (int)(centre + support + 0.5);
    double sum = 0;

    if (first < 0)
        first = 0;
    if (end > (int)f->in)
        end = (int)f->in;
    for (int i = 0; i < end - first; i++) {
        weight[i] = bicubic((i + first - centre + 0.5) * inverse);
        sum += weight[i];
    }
    int32_t *taps = f->taps + (size_t)position * f->stride;
    for (int i = 0; i < end - first; i++) {
        double w = (sum != 0 ? weight[i] / sum : weight[i]) * (1 << PX_FILTER_BITS);
        taps[i] = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
    }
    assert(first <= end && (size_t)(end - first) <= f->stride);
    f->ranges[position] = (struct px_filter_range){(uint32_t)first, (uint32_t)(end - first)};
}

void px_filter_clear(struct px_filter *f)
{
    px_block_release(f->taps);
    px_block_release(f->ranges);
    *f = (struct px_filter){0};
}

int px_filter_check(uint32_t width, uint32_t height, struct px_error *err)
{
    if (width < 1 || width > 65535 || height < 1 || height > 65535)
        return px_fail(err, PX_E_INVALID,
                       "a picture cannot be scaled to %ux%u; a side must be 1 to 65535 pixels",
                       width, height);
    return 0;
}

int px_filter_init(struct px_filter *f, uint32_t in, uint32_t out, struct px_error *err)
{
    assert(in > 0 && out > 0);
    double scale = (double)in / out;
    size_t most = (size_t)ceil(2 * (scale < 1 ? 1 : scale)) * 2 + 1;

    *f = (struct px_filter){.in = in, .out = out};
    f->stride = (most + PX_FILTER_PAD - 1) / PX_FILTER_PAD * PX_FILTER_PAD;
    double *weight = px_block_take(most * sizeof *weight);
    f->taps = px_block_take_zeroed((size_t)out * f->stride * sizeof *f->taps);
    f->ranges = px_block_take_zeroed(out * sizeof *f->ranges);
    int rc = 0;
    if (!weight || !f->taps || !f->ranges) {
        px_filter_clear(f);
        rc = px_fail(err, PX_E_NOMEM, "no memory to scale %u pixels to %u", in, out);
    }
    for (uint32_t i = 0; !rc && i < out; i++)
        fill_position(f, i, scale, weight);
    px_block_release(weight);
    return rc;
}
