#ifndef CODECS_PNG_CHUNKS_H
#define CODECS_PNG_CHUNKS_H

/* The bytes of a PNG that decide its pixels (private to codecs/): the signature, the critical
 * chunks and a tRNS before IDAT. Everything else is left out, so that nothing in it can fail a
 * picture: a wrong CRC, an invalid name, a broken profile, any number of texts. Of IEND only the
 * presence counts, and what follows it is ignored.
 *
 * Plain data that borrows the file; one thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

/* Offsets of a chunk's name and data, and the bytes around the data: length, name and CRC. */
enum { PX_PNG_NAME = 4, PX_PNG_DATA = 8, PX_PNG_FRAME = 12 };

/* What follows width and height in the IHDR of a plain PNG: 8 bits, not interlaced, `channels` (1
 * to 4) without a palette. */
enum { PX_PNG_PLAIN = 5 };
void px_png_plain_head(uint32_t channels, uint8_t out[static PX_PNG_PLAIN]);

struct px_png_chunks {
    struct px_span rest; /* of the file, not read yet */
    size_t start;        /* size of the file */
    size_t pass;         /* bytes of `rest` that go to the reader before the next chunk */
    bool idat;           /* the first IDAT was reached */
};

/* file: begins with the signature. */
void px_png_chunks_init(struct px_png_chunks *chunks, struct px_span file);

/* The next `size` bytes, which do not cross the border of a chunk. UNPROCESSABLE if the file ends
 * before, or a chunk is a tRNS with a damaged name. */
int px_png_chunks_read(struct px_png_chunks *chunks, uint8_t *out, size_t size,
                       struct px_error *err);

/* The whole next chunk, from its length to its CRC; what was not read of the one before is left
 * out. Fails as px_png_chunks_read(). */
int px_png_chunks_next(struct px_png_chunks *chunks, struct px_span *chunk, struct px_error *err);

/* name: four letters. */
bool px_png_chunk_is(const uint8_t *chunk, const char *name);

/* Whether the CRC of a chunk is right. chunk: from its length to its CRC, all inside the file. */
bool px_png_chunk_is_sound(const uint8_t *chunk);

#endif
