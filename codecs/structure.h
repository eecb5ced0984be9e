#ifndef CODECS_STRUCTURE_H
#define CODECS_STRUCTURE_H

/* The structural similarity (SSIM) of two planes of luma; codecs/quality.h says which variant.
 * Planes are one thread's at a time. */

#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"

enum { PX_STRUCTURE_WINDOW = 11 };

struct px_plane {
    uint32_t width, height;
    float *data; /* owned; 0..255, row by row */
};

/* The luma of a picture (grey as in codecs/codec.h, alpha over white). NOMEM. */
int px_plane_init(struct px_plane *plane, const struct px_image *image, struct px_error *err);
/* Halves both sides in place, each pixel the mean of four; an odd last row or column is dropped. */
void px_plane_halve(struct px_plane *plane);
void px_plane_clear(struct px_plane *plane); /* accepts a zeroed one */

/* Means over all positions of the window: of luminance, contrast and structure together, and of
 * contrast and structure alone. */
struct px_similarity {
    double whole, contrast;
};

/* Planes of one size, each side at least PX_STRUCTURE_WINDOW. NOMEM. */
int px_structure_compare(const struct px_plane *a, const struct px_plane *b,
                         struct px_similarity *similarity, struct px_error *err);

#endif
