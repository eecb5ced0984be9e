#include "codecs/sink.h"

#include <assert.h>
#include <string.h>

#include "base/block.h"
#include "base/simd.h"
#include "codecs/pixels.h"

/* How to turn what is stored upright, by EXIF orientation: first swap x and y, then mirror. */
static const struct {
    bool swap, mirror_x, mirror_y;
} turns[9] = {
    {false, false, false}, {false, false, false}, {false, true, false},
    {false, true, true},   {false, false, true},  {true, false, false},
    {true, true, false},   {true, true, true},    {true, false, true},
};

/* Rows that wait to be turned together: one at a time, each pixel of a row would touch a different
 * page. */
enum { BAND = 16 };

static size_t pixel_size(const struct px_sink *sink)
{
    return sink->deep ? sink->channels * sizeof(uint16_t) : sink->channels;
}

/* The upright picture, as deep as the file. */
static int create_data(struct px_sink *sink, struct px_error *err)
{
    uint32_t w = sink->out_width, h = sink->out_height;
    struct px_image image = {0};
    struct px_image16 image16 = {0};
    int rc = sink->deep ? px_image16_init(&image16, w, h, sink->channels, err)
                        : px_image_init(&image, w, h, sink->channels, err);

    sink->data = sink->deep ? (void *)image16.data : image.data;
    return rc;
}

int px_sink_init(struct px_sink *sink, const struct px_header *header, uint32_t channels,
                 struct px_error *err)
{
    int turn = header->orientation;

    assert(turn >= 1 && turn <= 8);
    assert(channels >= 1 && channels <= 4 && header->channels >= 1 && header->channels <= 4);
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
    int rc = create_data(sink, err);
    if (rc)
        return rc;
    sink->origin = (turns[turn].mirror_x ? (ptrdiff_t)w - 1 : 0) +
                   (turns[turn].mirror_y ? ((ptrdiff_t)h - 1) * (ptrdiff_t)w : 0);
    sink->step_x = turns[turn].swap ? dy : dx;
    sink->step_y = turns[turn].swap ? dx : dy;
    sink->band = turns[turn].swap ? BAND : 1;
    if (turn != 1 && !(sink->rows = px_block_take(header->width * pixel_size(sink) * sink->band))) {
        px_sink_clear(sink);
        return px_fail(err, PX_E_NOMEM, "no memory for rows of %u pixels", header->width);
    }
    return 0;
}

/* Copies the waiting rows into the image, column by column, since with x and y swapped the pixels
 * of a column are neighbours there. `pixel`: its bytes. */
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

    assert(y == sink->next);
    sink->next++;
    if (!sink->rows) {
        convert_any(sink, row, sink->data + y * stride);
        return;
    }
    uint32_t waiting = y % sink->band;
    convert_any(sink, row, sink->rows + waiting * stride);
    if (++waiting < sink->band && y + 1 < sink->height)
        return;
    switch (pixel) { /* constants, so that a pixel is one move instead of a call of memcpy() */
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

void px_sink_image(struct px_sink *sink, struct px_image *image)
{
    assert(!sink->deep && sink->next == sink->height);
    *image = (struct px_image){sink->out_width, sink->out_height, sink->channels, sink->data};
    sink->data = NULL;
    px_sink_clear(sink);
}

void px_sink_image16(struct px_sink *sink, struct px_image16 *image)
{
    assert(sink->deep && sink->next == sink->height);
    *image = (struct px_image16){
        .width = sink->out_width, .height = sink->out_height, .channels = sink->channels};
    image->data = (void *)sink->data;
    sink->data = NULL;
    px_sink_clear(sink);
}

void px_sink_clear(struct px_sink *sink)
{
    px_block_release(sink->data);
    px_block_release(sink->rows);
    *sink = (struct px_sink){0};
}
