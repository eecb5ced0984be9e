#ifndef CODECS_RESIZE_H
#define CODECS_RESIZE_H

/* Bicubic resize exactly as Pillow's Image.resize(size, BICUBIC) on 8-bit images: a = -0.5, support
 * widened when scaling down (antialiased), coefficients in 22-bit fixed point, horizontal pass
 * first, 8 bits between the passes; alpha is premultiplied as Pillow does for LA and RGBA. At 16
 * bits: the same coefficients, 16 bits between the passes. Stateless and thread-safe. */

#include "base/error.h"
#include "codecs/image.h"

/* A new picture of width x height in *out (owned by the caller on success, untouched on failure).
 * Equal sizes copy. `in` and `out` may not be the same object. INVALID if a side is not 1..65535,
 * NOMEM. */
int px_image_resize(const struct px_image *in, uint32_t width, uint32_t height,
                    struct px_image *out, struct px_error *err);
int px_image16_resize(const struct px_image16 *in, uint32_t width, uint32_t height,
                      struct px_image16 *out, struct px_error *err); /* resize16.c */

#endif
