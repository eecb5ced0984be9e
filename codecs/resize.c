#include "codecs/resize.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "codecs/resample.h"

/* What surrounds the two passes of resample.c: Pillow's coefficients, and premultiplied alpha. */

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

/* The taps of one output position: `first` and `count` say which inputs, taps[] how much of each.
 * The steps and their order are those of Pillow's precompute_coeffs(), since the last bit of the
 * doubles decides how a coefficient is rounded. */
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
    f->spans[position] = (struct px_span){(uint32_t)first, (uint32_t)(end - first)};
}

void px_filter_destroy(struct px_filter *f)
{
    free(f->taps);
    free(f->spans);
    *f = (struct px_filter){0};
}

int px_filter_create(struct px_filter *f, uint32_t in, uint32_t out, struct px_error *err)
{
    double scale = (double)in / out;
    size_t most = (size_t)ceil(2 * (scale < 1 ? 1 : scale)) * 2 + 1;

    *f = (struct px_filter){.in = in, .out = out};
    f->stride = (most + PX_FILTER_PAD - 1) / PX_FILTER_PAD * PX_FILTER_PAD;
    double *weight = malloc(most * sizeof *weight);
    f->taps = calloc((size_t)out * f->stride, sizeof *f->taps);
    f->spans = calloc(out, sizeof *f->spans);
    int rc = 0;
    if (!weight || !f->taps || !f->spans) {
        px_filter_destroy(f);
        rc = px_fail(err, PX_E_NOMEM, "no memory to scale %u pixels to %u", in, out);
    }
    for (uint32_t i = 0; !rc && i < out; i++)
        fill_position(f, i, scale, weight);
    free(weight);
    return rc;
}

/* One direction; equal sizes take no pass, as in Pillow. */
static int pass(const struct px_image *in, bool horizontal, uint32_t side, struct px_image *out,
                struct px_error *err)
{
    struct px_image made = {0};
    struct px_filter filter;
    uint32_t width = horizontal ? side : in->width;
    uint32_t height = horizontal ? in->height : side;
    int rc = px_filter_create(&filter, horizontal ? in->width : in->height, side, err);

    if (rc)
        return rc;
    rc = px_image_create(&made, width, height, in->channels, err);
    if (!rc && horizontal)
        rc = px_resample_rows(in, &filter, &made, err);
    else if (!rc)
        px_resample_columns(in, &filter, &made);
    px_filter_destroy(&filter);
    if (rc)
        px_image_destroy(&made);
    else
        *out = made;
    return rc;
}

static int copy(const struct px_image *in, struct px_image *out, struct px_error *err)
{
    int rc = px_image_create(out, in->width, in->height, in->channels, err);

    if (!rc)
        memcpy(out->data, in->data, (size_t)in->width * in->height * in->channels);
    return rc;
}

static int resample(const struct px_image *in, uint32_t width, uint32_t height,
                    struct px_image *out, struct px_error *err)
{
    struct px_image narrow = {0};

    if (height == in->height)
        return pass(in, true, width, out, err);
    if (width == in->width)
        return pass(in, false, height, out, err);
    int rc = pass(in, true, width, &narrow, err);
    if (!rc)
        rc = pass(&narrow, false, height, out, err);
    px_image_destroy(&narrow);
    return rc;
}

/* Colour times alpha, as Pillow's LA to La and RGBA to RGBa: round(c a / 255). */
static void premultiply(struct px_image *image)
{
    size_t n = (size_t)image->width * image->height;
    uint32_t colours = image->channels - 1;

    for (uint8_t *p = image->data; n; n--, p += colours + 1) {
        for (uint32_t c = 0; c < colours; c++) {
            uint32_t v = (uint32_t)p[c] * p[colours] + 128;
            p[c] = (uint8_t)((v + (v >> 8)) >> 8);
        }
    }
}

/* And back, as Pillow does: rounded down, clipped, and left alone where alpha is 0 or 255. */
static void divide(struct px_image *image)
{
    size_t n = (size_t)image->width * image->height;
    uint32_t colours = image->channels - 1;

    for (uint8_t *p = image->data; n; n--, p += colours + 1) {
        uint32_t alpha = p[colours];
        for (uint32_t c = 0; c < colours && alpha != 0 && alpha != 255; c++) {
            uint32_t v = 255u * p[c] / alpha;
            p[c] = (uint8_t)(v > 255 ? 255 : v);
        }
    }
}

int px_image_resize(const struct px_image *in, uint32_t width, uint32_t height,
                    struct px_image *out, struct px_error *err)
{
    struct px_image flat = {0};

    if (width < 1 || width > 65535 || height < 1 || height > 65535)
        return px_fail(err, PX_E_INVALID,
                       "a picture cannot be scaled to %ux%u; a side is 1 to 65535", width, height);
    if (width == in->width && height == in->height)
        return copy(in, out, err);
    if (in->channels % 2 == 1)
        return resample(in, width, height, out, err);
    int rc = copy(in, &flat, err);
    if (rc)
        return rc;
    premultiply(&flat);
    rc = resample(&flat, width, height, out, err);
    if (!rc)
        divide(out);
    px_image_destroy(&flat);
    return rc;
}
