#ifndef CODECS_RESIZE_H
#define CODECS_RESIZE_H

/* Bicubic resize exactly as Pillow's Image.resize(size, BICUBIC) does on 8-bit images: a = -0.5,
 * support widened when scaling down (antialiased), coefficients in 22-bit fixed point, horizontal
 * pass first, 8-bit between the passes; alpha is premultiplied as Pillow does for LA and RGBA. */

#include "base/error.h"
#include "codecs/image.h"

/* Writes a new image of width x height into *out (owned by the caller on success). Sides 1..65535;
 * equal sizes copy. `in` and `out` may not be the same object. */
int px_image_resize(const struct px_image *in, uint32_t width, uint32_t height,
                    struct px_image *out, struct px_error *err);

#endif
