#include "codecs/pixels.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/simd.h"

static inline uint8_t over_white(uint32_t c, uint32_t alpha)
{
    return (uint8_t)px_div255(c * alpha + 255 * (255 - alpha));
}

static inline uint8_t luma(uint32_t r, uint32_t g, uint32_t b)
{
    return (uint8_t)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

/* One body for all pairs; inlined with constant channels it becomes a tight loop for each. */
PX_INLINE void convert(const uint8_t *in, uint32_t ci, uint8_t *out, uint32_t co, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, in += ci, out += co) {
        uint8_t r = in[0], g = in[ci > 2 ? 1 : 0], b = in[ci > 2 ? 2 : 0];
        uint8_t alpha = ci == 2 || ci == 4 ? in[ci - 1] : 255;

        if ((ci == 2 || ci == 4) && (co == 1 || co == 3)) {
            r = over_white(r, alpha);
            g = over_white(g, alpha);
            b = over_white(b, alpha);
        }
        if (co > 2) {
            out[0] = r;
            out[1] = g;
            out[2] = b;
        } else {
            out[0] = ci > 2 ? luma(r, g, b) : r;
        }
        if (co == 2 || co == 4)
            out[co - 1] = alpha;
    }
}

#define PAIR(ci, co)                                                                               \
    case ci * 8 + co:                                                                              \
        convert(in, ci, out, co, width);                                                           \
        break

void px_convert_row(const uint8_t *in, uint32_t channels_in, uint8_t *out, uint32_t channels_out,
                    uint32_t width)
{
    assert(channels_in >= 1 && channels_in <= 4 && channels_out >= 1 && channels_out <= 4);
    switch (channels_in * 8 + channels_out) {
        PAIR(1, 2);
        PAIR(1, 3);
        PAIR(1, 4);
        PAIR(2, 1);
        PAIR(2, 3);
        PAIR(2, 4);
        PAIR(3, 1);
        PAIR(3, 2);
        PAIR(3, 4);
        PAIR(4, 1);
        PAIR(4, 2);
        PAIR(4, 3);
    default: /* equal */
        memcpy(out, in, (size_t)width * channels_in);
    }
}

static uint16_t over_white16(uint64_t c, uint64_t alpha)
{
    return (uint16_t)((c * alpha + (uint64_t)65535 * (65535 - alpha) + 32767) / 65535);
}

/* Rarely needed, so one loop serves all pairs. */
void px_convert_row16(const uint16_t *in, uint32_t ci, uint16_t *out, uint32_t co, uint32_t width)
{
    bool blends = ci % 2 == 0 && co % 2 == 1;

    assert(ci >= 1 && ci <= 4 && co >= 1 && co <= 4);
    for (uint32_t x = 0; x < width; x++, in += ci, out += co) {
        uint16_t alpha = ci % 2 == 0 ? in[ci - 1] : 65535;
        uint32_t colours[3] = {in[0], in[ci > 2 ? 1 : 0], in[ci > 2 ? 2 : 0]};
        for (int c = 0; c < 3 && blends; c++)
            colours[c] = over_white16(colours[c], alpha);
        if (co <= 2 && ci > 2)
            colours[0] =
                (19595 * colours[0] + 38470 * colours[1] + 7471 * colours[2] + 32768) >> 16;
        for (uint32_t c = 0; c < (co > 2 ? 3u : 1u); c++)
            out[c] = (uint16_t)colours[c];
        if (co % 2 == 0)
            out[co - 1] = alpha;
    }
}
