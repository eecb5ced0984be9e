#ifndef TOOLS_EVALUATE_COLOURS_H
#define TOOLS_EVALUATE_COLOURS_H

/* How colours are distributed, as in figure 7 of the pix2pix paper: histograms of L, a and b over
 * all pixels of many pictures, and how much two of them have in common. Plain data:
 * zero-initialise; one thread at a time. */

#include <stdint.h>

#include "codecs/image.h"

enum { PX_COLOUR_BINS = 110 }; /* L: 0..100 in bins of 100 / 110; a, b: -110..110 in bins of 2 */

enum px_colour_axis { PX_COLOUR_L, PX_COLOUR_A, PX_COLOUR_B, PX_COLOUR_AXES };

struct px_colours {
    uint64_t bins[PX_COLOUR_AXES][PX_COLOUR_BINS];
    uint64_t pixels;
};

/* Adds all pixels; a picture of 1 channel counts as grey, one of 2 or 4 without its alpha. */
void px_colours_add(struct px_colours *colours, const struct px_image *image);

/* The sum over the bins of the smaller share: 1 for equal distributions, 0 for disjoint ones and if
 * either has no pixels. */
double px_colours_intersection(const struct px_colours *a, const struct px_colours *b,
                               enum px_colour_axis axis);

#endif
