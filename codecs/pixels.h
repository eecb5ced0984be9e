#ifndef CODECS_PIXELS_H
#define CODECS_PIXELS_H

/* Pixels of 1-4 channels to pixels of 1-4 channels (private to codecs/). Stateless and
 * thread-safe. The rules are those of codecs/codec.h: grey is
 * (19595 R + 38470 G + 7471 B + 32768) >> 16; alpha that the result cannot hold is blended over
 * white as round((c a + 255 (255 - a)) / 255), before grey is taken. */

#include <stdint.h>

/* A row of `width` pixels. in and out may not overlap. */
void px_convert_row(const uint8_t *in, uint32_t channels_in, uint8_t *out, uint32_t channels_out,
                    uint32_t width);

/* The same at 16 bits, with 65535 for 255. */
void px_convert_row16(const uint16_t *in, uint32_t channels_in, uint16_t *out,
                      uint32_t channels_out, uint32_t width);

/* round(v / 255), exact for v up to 255 * 255. */
static inline uint32_t px_div255(uint32_t v)
{
    v += 128;
    return (v + (v >> 8)) >> 8;
}

#endif
