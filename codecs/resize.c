#include "codecs/resize.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "codecs/filter.h"
#include "codecs/pixels.h"
#include "codecs/resample.h"

/* Around the two passes of resample.c: which of them are needed, and premultiplied alpha. */

/* One direction; equal sizes take no pass, as in Pillow. */
static int pass(const struct px_image *in, bool horizontal, uint32_t side, struct px_image *out,
                struct px_error *err)
{
    struct px_image made = {0};
    struct px_filter filter;
    uint32_t width = horizontal ? side : in->width;
    uint32_t height = horizontal ? in->height : side;
    int rc = px_filter_init(&filter, horizontal ? in->width : in->height, side, err);

    if (rc)
        return rc;
    rc = px_image_init(&made, width, height, in->channels, err);
    if (!rc && horizontal)
        rc = px_resample_rows(in, &filter, &made, err);
    else if (!rc)
        px_resample_columns(in, &filter, &made);
    px_filter_clear(&filter);
    if (rc)
        px_image_clear(&made);
    else
        *out = made;
    return rc;
}

static int copy(const struct px_image *in, struct px_image *out, struct px_error *err)
{
    int rc = px_image_init(out, in->width, in->height, in->channels, err);

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
    px_image_clear(&narrow);
    return rc;
}

/* Colour times alpha, as Pillow's LA to La and RGBA to RGBa: round(c a / 255). */
static void premultiply(struct px_image *image)
{
    size_t n = (size_t)image->width * image->height;
    uint32_t colours = image->channels - 1;

    for (uint8_t *p = image->data; n; n--, p += colours + 1) {
        for (uint32_t c = 0; c < colours; c++)
            p[c] = (uint8_t)px_div255((uint32_t)p[c] * p[colours]);
    }
}

/* And back, as Pillow does: rounded down, clipped, and left alone if alpha is 0 or 255. */
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

    assert(in != out);
    int rc = px_filter_check(width, height, err);
    if (rc)
        return rc;
    if (width == in->width && height == in->height)
        return copy(in, out, err);
    if (in->channels % 2 == 1)
        return resample(in, width, height, out, err);
    rc = copy(in, &flat, err);
    if (rc)
        return rc;
    premultiply(&flat);
    rc = resample(&flat, width, height, out, err);
    if (!rc)
        divide(out);
    px_image_clear(&flat);
    return rc;
}
