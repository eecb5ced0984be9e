#include "trainer/preprocess.h"

#include <stdbool.h>

static uint32_t nearest_multiple(uint32_t side, uint32_t multiple)
{
    uint64_t times = ((uint64_t)side + multiple / 2) / multiple;

    return (uint32_t)(times ? times : 1) * multiple;
}

/* As the reference: the height is cut to an integer and is at least a crop's. */
static uint32_t scaled_height(const struct px_preprocess *p, uint32_t width, uint32_t height)
{
    uint64_t scaled = (uint64_t)p->load * height / width;

    return scaled < p->crop ? p->crop : scaled > UINT32_MAX ? UINT32_MAX : (uint32_t)scaled;
}

int px_preprocess_size(const struct px_preprocess *p, uint32_t *width, uint32_t *height,
                       struct px_error *err)
{
    uint32_t w = *width, h = *height;
    bool crops = p->mode != PX_SCALE_WIDTH && p->mode != PX_NO_PREPROCESS;

    switch (p->mode) {
    case PX_RESIZE_AND_CROP:
        w = h = p->load;
        break;
    case PX_CROP:
        break;
    case PX_SCALE_WIDTH:
    case PX_SCALE_WIDTH_AND_CROP:
        h = scaled_height(p, *width, *height);
        w = p->load;
        break;
    case PX_NO_PREPROCESS:
        w = nearest_multiple(w, p->multiple);
        h = nearest_multiple(h, p->multiple);
        break;
    }
    if (w < p->crop || h < p->crop)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "a picture of %ux%u is smaller than --crop-size %u: give a smaller one, or "
                       "--preprocess resize_and_crop",
                       w, h, p->crop);
    if (!crops && (w != p->crop || h != p->crop))
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "a picture of %ux%u comes out at %ux%u, and training needs %ux%u "
                       "(--crop-size): this --preprocess does not crop, another one does",
                       *width, *height, w, h, p->crop, p->crop);
    *width = w;
    *height = h;
    return 0;
}
