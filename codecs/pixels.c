#include "codecs/pixels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
#include "codecs/format.h"

static inline uint8_t over_white(uint32_t c, uint32_t alpha)
{
    uint32_t v = c * alpha + 255 * (255 - alpha) + 128;
    return (uint8_t)((v + (v >> 8)) >> 8); /* round(v / 255), exact for 16-bit products */
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

/* How to show what is stored: first swap x and y, then mirror. Row 0 serves every odd value. */
static const struct {
    bool swap, mirror_x, mirror_y;
} turns[9] = {
    {false, false, false}, {false, false, false}, {false, true, false},
    {false, true, true},   {false, false, true},  {true, false, false},
    {true, true, false},   {true, true, true},    {true, false, true},
};

/* Rows that wait to be turned together. One by one, every pixel of a row would touch another page.
 */
enum { BAND = 16 };

int px_sink_create(struct px_sink *sink, const struct px_header *header, uint32_t channels,
                   struct px_error *err)
{
    int turn = header->orientation >= 1 && header->orientation <= 8 ? header->orientation : 1;
    uint32_t w = turns[turn].swap ? header->height : header->width;
    uint32_t h = turns[turn].swap ? header->width : header->height;
    ptrdiff_t dx = turns[turn].mirror_x ? -1 : 1;
    ptrdiff_t dy = turns[turn].mirror_y ? -(ptrdiff_t)w : (ptrdiff_t)w;

    *sink = (struct px_sink){.width = header->width, .height = header->height};
    sink->channels_in = header->channels;
    int rc = px_image_create(&sink->image, w, h, channels, err);
    if (rc)
        return rc;
    sink->origin = (turns[turn].mirror_x ? (ptrdiff_t)w - 1 : 0) +
                   (turns[turn].mirror_y ? ((ptrdiff_t)h - 1) * (ptrdiff_t)w : 0);
    sink->step_x = turns[turn].swap ? dy : dx;
    sink->step_y = turns[turn].swap ? dx : dy;
    sink->band = turns[turn].swap ? BAND : 1;
    if (turn != 1 && !(sink->rows = malloc((size_t)header->width * channels * sink->band))) {
        px_sink_destroy(sink);
        return px_fail(err, PX_E_NOMEM, "no memory for rows of %u pixels", header->width);
    }
    return 0;
}

/* The waiting rows to their places: column by column, since with x and y swapped the pixels of a
 * column are neighbours in the image. */
PX_INLINE void scatter(const struct px_sink *sink, uint32_t first, uint32_t count, size_t channels)
{
    ptrdiff_t step = sink->step_y * (ptrdiff_t)channels;
    size_t stride = sink->width * channels;

    for (uint32_t x = 0; x < sink->width; x++) {
        ptrdiff_t pixel = sink->origin + x * sink->step_x + first * sink->step_y;
        uint8_t *out = sink->image.data + pixel * (ptrdiff_t)channels;
        const uint8_t *in = sink->rows + x * channels;
        for (uint32_t y = 0; y < count; y++)
            memcpy(out + y * step, in + y * stride, channels);
    }
}

void px_sink_put(struct px_sink *sink, uint32_t y, const uint8_t *row)
{
    uint32_t channels = sink->image.channels;
    size_t stride = (size_t)sink->width * channels;

    if (!sink->rows) {
        px_convert_row(row, sink->channels_in, sink->image.data + y * stride, channels,
                       sink->width);
        return;
    }
    uint32_t waiting = y % sink->band;
    px_convert_row(row, sink->channels_in, sink->rows + waiting * stride, channels, sink->width);
    if (++waiting < sink->band && y + 1 < sink->height)
        return;
    switch (channels) { /* constants, so that a pixel is one move and not a call of memcpy() */
    case 1:
        scatter(sink, y + 1 - waiting, waiting, 1);
        break;
    case 2:
        scatter(sink, y + 1 - waiting, waiting, 2);
        break;
    case 3:
        scatter(sink, y + 1 - waiting, waiting, 3);
        break;
    default:
        scatter(sink, y + 1 - waiting, waiting, 4);
    }
}

void px_sink_take(struct px_sink *sink, struct px_image *image)
{
    *image = sink->image;
    sink->image = (struct px_image){0};
    px_sink_destroy(sink);
}

void px_sink_destroy(struct px_sink *sink)
{
    px_image_destroy(&sink->image);
    free(sink->rows);
    sink->rows = NULL;
}
