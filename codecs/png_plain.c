#include "codecs/png_plain.h"

#include <assert.h>
#include <string.h>

#include "base/block.h"
#include "codecs/isal.h"
#include "codecs/png_chunks.h"
#include "codecs/png_unfilter.h"

/* Debian's libpng and zlib use no vector instructions. Decode ms of `sketch2house`'s answer,
 * 256x256, on Zen 4 limited to AVX2:
 *     libpng      1.38    (zlib alone 0.93)
 *     this        0.52    (ISA-L alone 0.48; libdeflate 0.41)
 * libdeflate wants whole files in one piece; here nothing is held but a few rows, since a fault
 * that is found late only means that libpng starts anew. */

/* After the first 32 KiB ISA-L takes 0.7 us for each IDAT, however short, and libpng 0.1: 14 MB of
 * IDATs with one byte each took 0.75 s instead of 0.15. So not many may be short. */
enum { SHORT = 64, SHORT_MOST = 1 << 15 };

struct plain {
    struct px_png_chunks chunks;
    struct px_png_row row;
    uint64_t size; /* of the inflated stream */
    bool started;  /* the stream's first byte was seen */
    int shorts;    /* IDATs below SHORT bytes so far */
    struct inflate_state inflate;
    uint8_t memory[]; /* two rows with their filters, and three without, each with its slack */
};

/* Reads IHDR. Width, height and the channels before any tRNS are the header's. */
static bool take_head(struct plain *p, const struct px_header *header)
{
    uint8_t plain[PX_PNG_PLAIN];
    struct px_span chunk;

    if (px_png_chunks_next(&p->chunks, &chunk, NULL) != 0 || !px_png_chunk_is(chunk.data, "IHDR"))
        return false;
    const uint8_t *data = chunk.data + PX_PNG_DATA;
    px_png_plain_head(header->channels, plain);
    assert(px_be32(data) == header->width && px_be32(data + 4) == header->height);
    return memcmp(data + 8, plain, sizeof plain) == 0 && px_png_chunk_is_sound(chunk.data);
}

/* zlib takes the size of its window from the stream, ISA-L does not. */
static bool fits_window(const struct plain *p, uint8_t first)
{
    unsigned bits = (first >> 4) + 8u;

    return bits <= 15 && (bits == 15 || p->size <= UINT64_C(1) << bits);
}

/* Moves to the next bytes of the stream. */
static bool take_data(struct plain *p)
{
    struct px_span chunk;

    if (px_png_chunks_next(&p->chunks, &chunk, NULL) != 0 || !px_png_chunk_is(chunk.data, "IDAT"))
        return false;
    uint32_t size = px_be32(chunk.data);
    if (size == 0 || size > INT32_MAX || !px_png_chunk_is_sound(chunk.data))
        return false;
    if (size < SHORT && ++p->shorts > SHORT_MOST)
        return false;
    if (!p->started && !fits_window(p, chunk.data[PX_PNG_DATA]))
        return false;
    p->started = true;
    p->inflate.next_in = (uint8_t *)(uintptr_t)(chunk.data + PX_PNG_DATA); /* not written to */
    p->inflate.avail_in = size;
    return true;
}

static bool is_finished(const struct plain *p)
{
    return p->inflate.block_state == ISAL_BLOCK_FINISH;
}

/* Inflates until `out` is full or the stream is at its end. */
static bool inflate(struct plain *p, uint8_t *out, uint32_t size)
{
    p->inflate.next_out = out;
    p->inflate.avail_out = size;
    for (;;) {
        if (px_isal_inflate(&p->inflate) != ISAL_DECOMP_OK)
            return false; /* among others a wrong Adler-32 */
        if (p->inflate.avail_out == 0 || is_finished(p))
            return true;
        if (p->inflate.avail_in > 0 || !take_data(p))
            return false;
    }
}

/* Whether the stream ends here, and the file with it. */
static bool take_end(struct plain *p)
{
    uint8_t more;
    struct px_span chunk;

    if (!is_finished(p) && !(inflate(p, &more, 1) && p->inflate.avail_out == 1))
        return false;
    if (p->inflate.avail_in > 0 || p->inflate.read_in_length >= 8) /* bytes behind the stream */
        return false;
    return px_png_chunks_next(&p->chunks, &chunk, NULL) == 0 && px_png_chunk_is(chunk.data, "IEND");
}

/* Two rows at a time, for px_png_unfilter_pair(). */
static bool take_rows(struct plain *p, struct px_sink *sink)
{
    size_t stride = p->row.stride, space = stride + PX_PNG_ROW_SLACK;
    uint8_t *filtered = p->memory, *upper_out = filtered + 2 * (1 + stride) + PX_PNG_ROW_SLACK;
    uint8_t *above = upper_out + space, *lower_out = above + space;
    struct px_png_row upper = p->row, lower = p->row;

    upper.in = filtered;
    upper.out = upper_out;
    lower.in = filtered + 1 + stride;
    lower.above = upper_out;
    memset(above, 0, space);
    for (uint32_t y = 0; y < sink->height; y += 2) {
        bool both = y + 1 < sink->height;
        upper.above = above;
        lower.out = lower_out;
        if (!inflate(p, filtered, (uint32_t)(1 + stride) * (both ? 2 : 1)) ||
            p->inflate.avail_out > 0 ||
            !(both ? px_png_unfilter_pair(&upper, &lower) : px_png_unfilter(&upper)))
            return false;
        px_sink_put(sink, y, upper_out);
        if (both)
            px_sink_put(sink, y + 1, lower_out);
        lower_out = above;
        above = lower.out;
    }
    return true;
}

static struct plain *create(struct px_span file, const struct px_header *header)
{
    size_t stride = (size_t)header->width * header->channels;
    struct plain *p = NULL;

    if (stride < INT32_MAX)
        p = px_block_take(sizeof *p + 5 * (1 + stride + PX_PNG_ROW_SLACK));
    if (!p)
        return NULL;
    p->row = (struct px_png_row){.stride = stride, .pixel = header->channels};
    p->size = (uint64_t)header->height * (stride + 1);
    p->started = false;
    p->shorts = 0;
    isal_inflate_init(&p->inflate);
    p->inflate.crc_flag = ISAL_ZLIB;
    px_png_chunks_init(&p->chunks, file);
    return p;
}

bool px_png_plain_read(struct px_span file, const struct px_header *header, uint32_t channels,
                       struct px_sink *sink)
{
    struct plain *p = create(file, header);
    bool done = false;

    *sink = (struct px_sink){0};
    if (p && take_head(p, header) && px_sink_init(sink, header, channels, NULL) == 0) {
        done = take_rows(p, sink) && take_end(p);
        if (!done)
            px_sink_clear(sink);
    }
    px_block_release(p);
    return done;
}
