#include "codecs/png_chunks.h"

#include <assert.h>
#include <string.h>

#include "codecs/format.h"
#include "codecs/isal.h"

enum { SIGNATURE = 8 };

bool px_png_chunk_is(const uint8_t *chunk, const char *name)
{
    return memcmp(chunk + PX_PNG_NAME, name, 4) == 0;
}

/* Whether the CRC is that of the data under this name. */
static bool crc_fits(const uint8_t *chunk, const uint8_t *name)
{
    size_t size = px_be32(chunk);
    uint32_t crc = px_isal_crc32(px_isal_crc32(0, name, 4), chunk + PX_PNG_DATA, size);

    return crc == px_be32(chunk + PX_PNG_DATA + size);
}

bool px_png_chunk_is_sound(const uint8_t *chunk)
{
    return crc_fits(chunk, chunk + PX_PNG_NAME);
}

void px_png_plain_head(uint32_t channels, uint8_t out[static PX_PNG_PLAIN])
{
    static const uint8_t colours[5] = {0, 0, 4, 2, 6}; /* the colour type by channels */

    assert(channels >= 1 && channels <= 4);
    memcpy(out, (uint8_t[PX_PNG_PLAIN]){8, colours[channels]}, PX_PNG_PLAIN);
}

/* By the name's bit for that, even if the name is invalid. */
static bool is_critical(const uint8_t *chunk)
{
    return (chunk[PX_PNG_NAME] & 0x20) == 0;
}

void px_png_chunks_init(struct px_png_chunks *chunks, struct px_span file)
{
    *chunks = (struct px_png_chunks){.rest = file, .start = file.size, .pass = SIGNATURE};
}

/* Moves to the next chunk that sets pixels. */
static int next_chunk(struct px_png_chunks *c, struct px_error *err)
{
    static const uint8_t end[PX_PNG_FRAME] = {0,   0,   0,    0,    'I',  'E',
                                              'N', 'D', 0xae, 0x42, 0x60, 0x82};

    for (;;) {
        const uint8_t *chunk = c->rest.data;
        size_t at = c->start - c->rest.size;
        size_t size = c->rest.size < PX_PNG_FRAME ? 0 : px_be32(chunk);
        if (c->rest.size < PX_PNG_FRAME || size > c->rest.size - PX_PNG_FRAME)
            return px_fail(
                err, PX_E_UNPROCESSABLE,
                "the PNG is cut short: its chunk at byte %zu is not complete; " PX_ADVICE_CUT, at);
        c->pass = PX_PNG_FRAME + size;
        if (px_png_chunk_is(chunk, "IEND")) {
            c->rest = (struct px_span){end, sizeof end};
            c->pass = sizeof end;
            return 0;
        }
        c->idat = c->idat || px_png_chunk_is(chunk, "IDAT");
        if (is_critical(chunk) || (px_png_chunk_is(chunk, "tRNS") && !c->idat))
            return 0;
        /* One changed bit in the name must not make a picture opaque. */
        if (size <= 256 && !c->idat && crc_fits(chunk, (const uint8_t *)"tRNS"))
            return px_fail(err, PX_E_UNPROCESSABLE,
                           "the PNG is damaged: its chunk at byte %zu is a tRNS with a wrong "
                           "name; " PX_ADVICE_DAMAGED,
                           at);
        c->rest.data += c->pass;
        c->rest.size -= c->pass;
    }
}

int px_png_chunks_read(struct px_png_chunks *chunks, uint8_t *out, size_t size,
                       struct px_error *err)
{
    int rc = chunks->pass == 0 ? next_chunk(chunks, err) : 0;

    if (rc)
        return rc;
    assert(size <= chunks->pass && chunks->pass <= chunks->rest.size);
    memcpy(out, chunks->rest.data, size);
    chunks->rest.data += size;
    chunks->rest.size -= size;
    chunks->pass -= size;
    return 0;
}

int px_png_chunks_next(struct px_png_chunks *chunks, struct px_span *chunk, struct px_error *err)
{
    chunks->rest.data += chunks->pass;
    chunks->rest.size -= chunks->pass;
    chunks->pass = 0;
    int rc = next_chunk(chunks, err);

    if (!rc)
        *chunk = (struct px_span){chunks->rest.data, chunks->pass};
    return rc;
}
