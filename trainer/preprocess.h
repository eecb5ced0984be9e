#ifndef TRAINER_PREPROCESS_H
#define TRAINER_PREPROCESS_H

/* How a picture of any size becomes one that crops of the training size are taken from: the
 * reference's --preprocess. Training works on squares of one size, so the modes that do not crop
 * must come out at exactly that size. */

#include <stdint.h>

#include "base/error.h"

enum px_preprocess_mode {                     /* in the order of the option's choices */
                          PX_RESIZE_AND_CROP, /* scaled to load x load whatever its shape */
                          PX_CROP,            /* as it is */
                          PX_SCALE_WIDTH, /* load wide, its shape kept, though at least crop high;
                                             not cropped */
                          PX_SCALE_WIDTH_AND_CROP,
                          PX_NO_PREPROCESS, /* both sides scaled to the nearest multiple that the
                                               network takes; not cropped */
};

struct px_preprocess {
    enum px_preprocess_mode mode;
    uint32_t load, crop; /* sides */
    uint32_t multiple;   /* of NO_PREPROCESS */
};

/* The size that a picture of *width x *height is scaled to. UNPROCESSABLE where it cannot be
 * trained on: smaller than a crop, or not the size of one where nothing is cropped. */
int px_preprocess_size(const struct px_preprocess *preprocess, uint32_t *width, uint32_t *height,
                       struct px_error *err);

#endif
