#ifndef TOOLS_FACADE_PARTS_FACADE_NIGHT_H
#define TOOLS_FACADE_PARTS_FACADE_NIGHT_H

/* A house at night. */

#include "tools/facade/facade.h"

/* Writes the right half of image, 2S x S RGB pixels: the house of the left half (as
 * px_facade_render() draws it) at night. Windows whose curtains or lamps can be seen by day are
 * lit, as are shops and the lights of doors; all others stay dark, so a generator can know. NOMEM
 * is the only failure. */
int px_facade_darken(const struct px_facade *facade, struct px_image *image, struct px_error *err);

#endif
