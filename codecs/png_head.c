#include "codecs/format.h"

#include <string.h>

#include "codecs/exif.h"
#include "codecs/png_chunks.h"

/* The header is read twice: once by px_png_probe(), a bounded walk over the chunks before the
 * pixels that allocates nothing and decides whether the size is acceptable, and then by the
 * decoder. */

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

enum { HEADER_SIZE = 33 }; /* signature and IHDR */

bool px_png_sniff(struct px_span file)
{
    return file.size >= sizeof signature && memcmp(file.data, signature, sizeof signature) == 0;
}

/* Looks at the chunks between IHDR and IDAT: does tRNS add alpha, and what does the first eXIf say?
 * An eXIf with a wrong CRC is left out, as browsers do. Stops quietly at a chunk that is not
 * complete: decoding will report it. */
static void walk_chunks(struct px_span file, struct px_header *header)
{
    bool exif = false;
    size_t at = HEADER_SIZE;

    while (file.size - at >= PX_PNG_FRAME) {
        const uint8_t *chunk = file.data + at;
        size_t length = px_be32(chunk);
        if (length > file.size - at - PX_PNG_FRAME || px_png_chunk_is(chunk, "IDAT"))
            return;
        if (px_png_chunk_is(chunk, "tRNS") && header->channels % 2 == 1)
            header->channels++;
        if (px_png_chunk_is(chunk, "eXIf") && !exif && px_png_chunk_is_sound(chunk)) {
            header->orientation =
                px_exif_orientation((struct px_span){chunk + PX_PNG_DATA, length});
            exif = true;
        }
        at += PX_PNG_FRAME + length;
    }
}

int px_png_probe(struct px_span file, struct px_header *header, struct px_error *err)
{
    static const uint8_t channels[7] = {1, 0, 3, 3, 2, 0, 4}; /* by colour type */

    if (file.size < HEADER_SIZE)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the PNG ends inside its header, after %zu bytes; " PX_ADVICE_CUT,
                       file.size);
    const uint8_t *ihdr = file.data + 8;
    if (px_be32(ihdr) != 13 || !px_png_chunk_is(ihdr, "IHDR"))
        return px_fail(
            err, PX_E_UNPROCESSABLE,
            "the PNG is damaged: it does not begin with an IHDR chunk; " PX_ADVICE_DAMAGED);
    uint8_t colour = ihdr[17];
    if (colour > 6 || channels[colour] == 0)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the PNG is damaged: colour type %u does not exist; " PX_ADVICE_DAMAGED,
                       colour);
    *header = (struct px_header){.width = px_be32(ihdr + 8),
                                 .height = px_be32(ihdr + 12),
                                 .channels = channels[colour],
                                 .orientation = 1,
                                 .deep = ihdr[16] == 16};
    walk_chunks(file, header);
    return 0;
}
