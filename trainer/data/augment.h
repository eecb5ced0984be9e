#ifndef TRAINER_DATA_AUGMENT_H
#define TRAINER_DATA_AUGMENT_H

/* What varies a picture from epoch to epoch: a random crop and a mirror image, the same for both
 * pictures of a pair. The draws depend on (seed, number of the sample) alone, so that neither
 * loading ahead nor a resumed run changes them. */

#include <stdbool.h>
#include <stdint.h>

#include "trainer/data/picture.h"

struct px_augment {
    uint32_t x, y; /* the crop's left upper corner */
    bool flip;     /* left and right change places after the crop */
};

/* How far a crop may be moved: the picture's width and height less the crop's; and whether one
 * picture in two is mirrored. */
struct px_augment_slack {
    uint32_t x, y;
    bool flip;
};

/* `sample` counts all pictures of a training from 0. */
struct px_augment px_augment_draw(uint64_t seed, uint64_t sample,
                                  const struct px_augment_slack *room);

/* Writes width x height pixels of the picture, which lie inside it, as floats: the samples of
 * 0..255 or 0..65535 as -1..1, interleaved as in the picture. */
void px_augment_apply(const struct px_augment *augment, const struct px_picture *picture,
                      uint32_t width, uint32_t height, float *out);

/* The order of an epoch: writes a permutation of 0..count-1 that depends on (seed, epoch) alone. */
void px_augment_order(uint64_t seed, uint64_t epoch, uint32_t *order, uint32_t count);

#endif
