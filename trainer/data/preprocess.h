#ifndef TRAINER_DATA_PREPROCESS_H
#define TRAINER_DATA_PREPROCESS_H

/* How a picture of any size becomes what is trained on: the reference's --preprocess. The modes
 * that crop train on squares of one size; the others on whole pictures, each of its own size, which
 * is rounded to what the network takes. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* In the order of the option's choices. */
enum px_preprocess_mode {
    PX_RESIZE_AND_CROP, /* scaled to load x load whatever its shape */
    PX_CROP,            /* as it is */
    PX_SCALE_WIDTH,     /* load wide and at least crop high, shape kept; rounded, not cropped */
    PX_SCALE_WIDTH_AND_CROP, /* the same, but cropped and not rounded */
    PX_NO_PREPROCESS,        /* its own size, rounded; not cropped */
};

enum { PX_PREPROCESS_MAX = 8192 }; /* the longest side that is trained on */

struct px_preprocess {
    enum px_preprocess_mode mode;
    uint32_t load, crop;      /* sides */
    uint32_t multiple, least; /* of what is not cropped: both sides; least is a multiple, too */
};

bool px_preprocess_crops(const struct px_preprocess *preprocess);

/* The size that a picture of *width x *height is scaled to. UNPROCESSABLE if it cannot be
 * trained on: smaller than a crop, or larger than PX_PREPROCESS_MAX if nothing is cropped. */
int px_preprocess_size(const struct px_preprocess *preprocess, uint32_t *width, uint32_t *height,
                       struct px_error *err);

#endif
