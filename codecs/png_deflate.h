#ifndef CODECS_PNG_DEFLATE_H
#define CODECS_PNG_DEFLATE_H

/* The compressed stream of a PNG (private to codecs/): rows are filtered and deflated by ISA-L, and
 * come out in pieces, each the data of an IDAT chunk. One thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct px_png_deflate;

/* For rows of `stride` bytes, `pixel` bytes a pixel; NULL without memory. */
struct px_png_deflate *px_png_deflate_create(size_t stride, size_t pixel);
void px_png_deflate_destroy(struct px_png_deflate *deflate); /* accepts NULL */

/* Takes the next row, and the one above it (NULL: it is the first); `last`: there are no more. All
 * pieces of the rows before must have been taken. */
void px_png_deflate_put(struct px_png_deflate *deflate, const uint8_t *row, const uint8_t *above,
                        bool last);

/* The next piece; it is valid until the next call. False: there is none before another row. */
bool px_png_deflate_take(struct px_png_deflate *deflate, struct px_span *piece);

#endif
