#ifndef TRANSLATE_HALF_H
#define TRANSLATE_HALF_H

/* Side-by-side training pairs, A left and B right, as inputs of a network. Decode them as stored
 * (px_decode_limits.as_stored): a camera's orientation is not that of a pair. No state. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"

/* Whether a picture of that size is shaped as a pair of squares is: twice as wide as high. */
bool px_half_is_pair(uint32_t width, uint32_t height);

/* Whether a network of that direction, "AtoB" or "BtoA", reads the right half. */
bool px_half_is_right(const char *direction);

/* Which half a user asks for. */
enum px_direction_choice { PX_DIRECTION_BY_MODEL, PX_DIRECTION_ATOB, PX_DIRECTION_BTOA };
#define PX_DIRECTION_CHOICES "model|AtoB|BtoA" /* their names, in order, for tables of options */

/* Whether that is the right half, for a network of that direction. */
bool px_half_choose(enum px_direction_choice choice, const char *direction);

/* Copies a half of a picture as the reference splits it: columns 0 to width / 2 - 1 are the left
 * one, the others the right one. UNPROCESSABLE if the picture is one pixel wide, NOMEM; *half is
 * then untouched. */
int px_half_cut(const struct px_image *pair, bool right, struct px_image *half,
                struct px_error *err);

#endif
