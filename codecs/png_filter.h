#ifndef CODECS_PNG_FILTER_H
#define CODECS_PNG_FILTER_H

/* The row filters of PNG that we write (private to codecs/). Stateless and thread-safe. */

#include <stddef.h>
#include <stdint.h>

/* Writes the filter's number and the filtered row, 1 + stride bytes: what is left of each byte
 * without the one to the left (Sub) or above (Up), whichever leaves less. row: `stride` bytes,
 * `pixel` bytes a pixel; above: the row before, NULL for the first. out: not row and not above. */
void px_png_filter(const uint8_t *row, const uint8_t *above, size_t stride, size_t pixel,
                   uint8_t *out);

#endif
