#include "codecs/resize.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/filter.h"

/* px_image_resize() at 16 bits: the sums need 64. No clones for other CPUs and no vectors by hand:
 * inflating such a PNG takes longer. */

static uint16_t clip(int64_t sum)
{
    int64_t v = sum >> PX_FILTER_BITS;

    return (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
}

static const int64_t half = (int64_t)1 << (PX_FILTER_BITS - 1);

static void filter_rows(const struct px_image16 *in, const struct px_filter *f,
                        struct px_image16 *out)
{
    size_t channels = in->channels;

    for (size_t y = 0; y < in->height; y++)
        for (size_t x = 0; x < f->out; x++) {
            const int32_t *taps = f->taps + x * f->stride;
            const uint16_t *from = in->data + (y * in->width + f->ranges[x].first) * channels;
            uint16_t *to = out->data + (y * f->out + x) * channels;
            for (size_t c = 0; c < channels; c++) {
                int64_t sum = half;
                for (size_t i = 0; i < f->ranges[x].count; i++)
                    sum += (int64_t)from[i * channels + c] * taps[i];
                to[c] = clip(sum);
            }
        }
}

/* Row by row, so that memory is read in its order. sums: one for each sample of a row. */
static void filter_columns(const struct px_image16 *in, const struct px_filter *f, int64_t *sums,
                           struct px_image16 *out)
{
    size_t stride = (size_t)in->width * in->channels;

    for (size_t y = 0; y < f->out; y++) {
        const int32_t *taps = f->taps + y * f->stride;
        const uint16_t *from = in->data + f->ranges[y].first * stride;
        for (size_t x = 0; x < stride; x++)
            sums[x] = half;
        for (uint32_t i = 0; i < f->ranges[y].count; i++, from += stride)
            for (size_t x = 0; x < stride; x++)
                sums[x] += (int64_t)from[x] * taps[i];
        for (size_t x = 0; x < stride; x++)
            out->data[y * stride + x] = clip(sums[x]);
    }
}

static int pass(const struct px_image16 *in, bool horizontal, uint32_t side, struct px_image16 *out,
                struct px_error *err)
{
    struct px_filter filter;
    int64_t *sums = malloc((size_t)in->width * in->channels * sizeof *sums);
    int rc = sums ? px_filter_init(&filter, horizontal ? in->width : in->height, side, err)
                  : px_fail(err, PX_E_NOMEM, "no memory to scale a row of %u pixels", in->width);

    if (!rc) {
        rc = px_image16_init(out, horizontal ? side : in->width, horizontal ? in->height : side,
                             in->channels, err);
        if (!rc && horizontal)
            filter_rows(in, &filter, out);
        else if (!rc)
            filter_columns(in, &filter, sums, out);
        px_filter_clear(&filter);
    }
    free(sums);
    return rc;
}

static int copy(const struct px_image16 *in, struct px_image16 *out, struct px_error *err)
{
    int rc = px_image16_init(out, in->width, in->height, in->channels, err);

    if (!rc)
        memcpy(out->data, in->data, (size_t)in->width * in->height * in->channels * 2);
    return rc;
}

/* Multiplies the colours by alpha, or divides by it; as at 8 bits. */
static void premultiply(struct px_image16 *image, bool back)
{
    size_t n = (size_t)image->width * image->height;
    uint32_t colours = image->channels - 1;

    for (uint16_t *p = image->data; n; n--, p += colours + 1)
        for (uint32_t c = 0; c < colours; c++) {
            uint32_t alpha = p[colours];
            uint32_t v =
                back ? alpha ? 65535u * p[c] / alpha : p[c] : (p[c] * alpha + 32767) / 65535;
            p[c] = (uint16_t)(v > 65535 ? 65535 : v);
        }
}

/* Destroys `in`. */
static int resample(struct px_image16 *in, uint32_t width, uint32_t height, struct px_image16 *out,
                    struct px_error *err)
{
    struct px_image16 narrow = {0};
    int rc = 0;

    if (width != in->width) {
        rc = pass(in, true, width, &narrow, err);
        px_image16_clear(in);
        *in = narrow;
    }
    if (!rc && height != in->height) {
        rc = pass(in, false, height, out, err);
        px_image16_clear(in);
    } else if (!rc) {
        *out = *in;
    }
    return rc;
}

int px_image16_resize(const struct px_image16 *in, uint32_t width, uint32_t height,
                      struct px_image16 *out, struct px_error *err)
{
    struct px_image16 work = {0};
    bool has_alpha = in->channels % 2 == 0;

    assert(in != out);
    int rc = px_filter_check(width, height, err);
    if (!rc)
        rc = copy(in, &work, err);
    if (rc)
        return rc;
    if (width == in->width && height == in->height) {
        *out = work;
        return 0;
    }
    if (has_alpha)
        premultiply(&work, false);
    rc = resample(&work, width, height, out, err);
    if (!rc && has_alpha)
        premultiply(out, true);
    return rc;
}
