#include "codecs/pixels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/simd.h"
#include "codecs/format.h"

int px_pixels_create(void **data, const struct px_image_info *info, struct px_error *err)
{
    size_t size;

    if (info->width == 0 || info->height == 0 || info->channels < 1 || info->channels > 4)
        return px_fail(err, PX_E_INTERNAL, "a picture of %ux%u with %u channels cannot be made",
                       info->width, info->height, info->channels);
    if (!px_mul(info->width, info->height, &size) || !px_mul(size, info->channels, &size) ||
        !px_mul(size, (size_t)info->bits / 8, &size))
        return px_fail(err, PX_E_NOMEM, "a picture of %ux%u does not fit into memory", info->width,
                       info->height);
    *data = calloc(size, 1);
    if (!*data)
        return px_fail(err, PX_E_NOMEM, "no memory for a picture of %ux%u (%zu bytes)", info->width,
                       info->height, size);
    return 0;
}

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

static uint16_t over_white16(uint64_t c, uint64_t alpha)
{
    return (uint16_t)((c * alpha + (uint64_t)65535 * (65535 - alpha) + 32767) / 65535);
}

/* Seldom needed, so one loop for all. */
void px_convert_row16(const uint16_t *in, uint32_t ci, uint16_t *out, uint32_t co, uint32_t width)
{
    bool blends = ci % 2 == 0 && co % 2 == 1;

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

static size_t pixel_size(const struct px_sink *sink)
{
    return sink->deep ? sink->channels * sizeof(uint16_t) : sink->channels;
}

int px_sink_create(struct px_sink *sink, const struct px_header *header, uint32_t channels,
                   struct px_error *err)
{
    int turn = header->orientation >= 1 && header->orientation <= 8 ? header->orientation : 1;
    uint32_t w = turns[turn].swap ? header->height : header->width;
    uint32_t h = turns[turn].swap ? header->width : header->height;
    ptrdiff_t dx = turns[turn].mirror_x ? -1 : 1;
    ptrdiff_t dy = turns[turn].mirror_y ? -(ptrdiff_t)w : (ptrdiff_t)w;

    *sink = (struct px_sink){.out_width = w,
                             .out_height = h,
                             .channels = channels,
                             .width = header->width,
                             .height = header->height,
                             .channels_in = header->channels,
                             .deep = header->deep};
    const struct px_image_info info = {
        .width = w, .height = h, .channels = channels, .bits = header->deep ? 16 : 8};
    void *data;
    int rc = px_pixels_create(&data, &info, err);
    if (rc)
        return rc;
    sink->data = data;
    sink->origin = (turns[turn].mirror_x ? (ptrdiff_t)w - 1 : 0) +
                   (turns[turn].mirror_y ? ((ptrdiff_t)h - 1) * (ptrdiff_t)w : 0);
    sink->step_x = turns[turn].swap ? dy : dx;
    sink->step_y = turns[turn].swap ? dx : dy;
    sink->band = turns[turn].swap ? BAND : 1;
    if (turn != 1 && !(sink->rows = malloc(header->width * pixel_size(sink) * sink->band))) {
        px_sink_destroy(sink);
        return px_fail(err, PX_E_NOMEM, "no memory for rows of %u pixels", header->width);
    }
    return 0;
}

/* The waiting rows to their places: column by column, since with x and y swapped the pixels of a
 * column are neighbours in the image. `pixel`: its bytes. */
PX_INLINE void scatter(const struct px_sink *sink, uint32_t first, uint32_t count, size_t pixel)
{
    ptrdiff_t step = sink->step_y * (ptrdiff_t)pixel;
    size_t stride = sink->width * pixel;

    for (uint32_t x = 0; x < sink->width; x++) {
        ptrdiff_t place = sink->origin + x * sink->step_x + first * sink->step_y;
        uint8_t *out = sink->data + place * (ptrdiff_t)pixel;
        const uint8_t *in = sink->rows + x * pixel;
        for (uint32_t y = 0; y < count; y++)
            memcpy(out + y * step, in + y * stride, pixel);
    }
}

static void convert_any(const struct px_sink *sink, const uint8_t *row, uint8_t *out)
{
    if (sink->deep)
        px_convert_row16((const void *)row, sink->channels_in, (void *)out, sink->channels,
                         sink->width);
    else
        px_convert_row(row, sink->channels_in, out, sink->channels, sink->width);
}

void px_sink_put(struct px_sink *sink, uint32_t y, const uint8_t *row)
{
    size_t pixel = pixel_size(sink), stride = sink->width * pixel;

    if (!sink->rows) {
        convert_any(sink, row, sink->data + y * stride);
        return;
    }
    uint32_t waiting = y % sink->band;
    convert_any(sink, row, sink->rows + waiting * stride);
    if (++waiting < sink->band && y + 1 < sink->height)
        return;
    switch (pixel) { /* constants, so that a pixel is one move and not a call of memcpy() */
    case 1:
        scatter(sink, y + 1 - waiting, waiting, 1);
        break;
    case 2:
        scatter(sink, y + 1 - waiting, waiting, 2);
        break;
    case 3:
        scatter(sink, y + 1 - waiting, waiting, 3);
        break;
    case 4:
        scatter(sink, y + 1 - waiting, waiting, 4);
        break;
    default:
        scatter(sink, y + 1 - waiting, waiting, pixel);
    }
}

void px_sink_take(struct px_sink *sink, struct px_image *image)
{
    *image = (struct px_image){sink->out_width, sink->out_height, sink->channels, sink->data};
    sink->data = NULL;
    px_sink_destroy(sink);
}

void px_sink_take16(struct px_sink *sink, struct px_image16 *image)
{
    *image = (struct px_image16){
        .width = sink->out_width, .height = sink->out_height, .channels = sink->channels};
    image->data = (void *)sink->data;
    sink->data = NULL;
    px_sink_destroy(sink);
}

void px_sink_destroy(struct px_sink *sink)
{
    free(sink->data);
    free(sink->rows);
    sink->data = NULL;
    sink->rows = NULL;
}
