#ifndef CODECS_FIT_H
#define CODECS_FIT_H

/* From a picture of any size to one that a network takes, and from the network's answer back to
 * the picture that the caller gets. The daemon and the command line share it, so that both give the
 * same pixels. All it knows of a network is three numbers.
 *
 *     struct px_fit fit;
 *     px_fit_plan(&fit, mode, &sides, picture.width, picture.height);
 *     px_fit_input(&fit, &picture, err);    picture is now fit.width x fit.height
 *     ... the network makes `answer`, of the same size ...
 *     px_fit_answer(&fit, &answer, err);    answer is now fit.final_width x fit.final_height
 *
 * The plan needs only the size, so it can be made from a picture's header, before any pixel is
 * decoded. Plain data, no life cycle, any thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"

enum px_fit_mode {
    PX_FIT_MODEL, /* scale to the square crop_size, as the reference's test does; keep that size */
    PX_FIT_IMAGE, /* keep the picture's size: pad for the network, crop its answer */
    PX_FIT_SCALE, /* as MODEL, then scale the answer back to the picture's size */
};
#define PX_FIT_CHOICES "model|image|scale" /* their names, in order, for tables of options */

/* What a network takes. */
struct px_fit_sides {
    uint32_t crop_size; /* the side of the square it was trained on */
    uint32_t multiple;  /* the sides of its input must be multiples of this */
    uint32_t least;     /* and at least this */
};

struct px_fit {
    uint32_t width, height;             /* of the network's input and output */
    uint32_t final_width, final_height; /* of the answer */
    bool pad;                           /* pad and crop instead of scaling */
};

/* sides: each at least 1. width, height: of the picture, 1..65535. */
void px_fit_plan(struct px_fit *fit, enum px_fit_mode mode, const struct px_fit_sides *sides,
                 uint32_t width, uint32_t height);

/* Replaces the planned picture by the network's input; a picture that already has that size is left
 * alone. Padding is added on the right and at the bottom: by reflection (the edge is not repeated),
 * or by repeating the edge if a side has too few pixels to reflect. On failure (NOMEM) the picture
 * is unchanged. */
int px_fit_input(const struct px_fit *fit, struct px_image *image, struct px_error *err);

/* Replaces the network's answer, fit.width x fit.height, by the final picture, likewise. */
int px_fit_answer(const struct px_fit *fit, struct px_image *image, struct px_error *err);

#endif
