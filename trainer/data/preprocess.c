#include "trainer/data/preprocess.h"

/* The nearest side that the network takes. */
static uint32_t round_side(const struct px_preprocess *p, uint64_t side)
{
    uint64_t rounded = (side + p->multiple / 2) / p->multiple * p->multiple;

    if (rounded > UINT32_MAX)
        return UINT32_MAX;
    return rounded < p->least ? p->least : (uint32_t)rounded;
}

bool px_preprocess_crops(const struct px_preprocess *p)
{
    return p->mode != PX_SCALE_WIDTH && p->mode != PX_NO_PREPROCESS;
}

/* As the reference: the height is cut to an integer and is at least a crop's. */
static uint32_t scaled_height(const struct px_preprocess *p, uint32_t width, uint32_t height)
{
    uint64_t scaled = (uint64_t)p->load * height / width;

    return scaled < p->crop ? p->crop : scaled > UINT32_MAX ? UINT32_MAX : (uint32_t)scaled;
}

static int check_crop(const struct px_preprocess *p, uint32_t width, uint32_t height,
                      struct px_error *err)
{
    if (width >= p->crop && height >= p->crop)
        return 0;
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "a picture of %ux%u is smaller than --crop-size %u: give a smaller one, or "
                   "--preprocess resize_and_crop",
                   width, height, p->crop);
}

static int check_whole(uint32_t width, uint32_t height, struct px_error *err)
{
    if (width <= PX_PREPROCESS_MAX && height <= PX_PREPROCESS_MAX)
        return 0;
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "a picture comes out at %ux%u, and at most %d a side are trained on at once: "
                   "give a --preprocess that crops",
                   width, height, PX_PREPROCESS_MAX);
}

int px_preprocess_size(const struct px_preprocess *p, uint32_t *width, uint32_t *height,
                       struct px_error *err)
{
    uint32_t w = *width, h = *height;

    switch (p->mode) {
    case PX_RESIZE_AND_CROP:
        w = h = p->load;
        break;
    case PX_CROP:
        break;
    case PX_SCALE_WIDTH:
        h = round_side(p, scaled_height(p, *width, *height));
        w = round_side(p, p->load);
        break;
    case PX_SCALE_WIDTH_AND_CROP:
        h = scaled_height(p, *width, *height);
        w = p->load;
        break;
    case PX_NO_PREPROCESS:
        w = round_side(p, w);
        h = round_side(p, h);
        break;
    }
    int rc = px_preprocess_crops(p) ? check_crop(p, w, h, err) : check_whole(w, h, err);
    if (rc)
        return rc;
    *width = w;
    *height = h;
    return 0;
}
