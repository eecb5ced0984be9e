#ifndef CODECS_FORMAT_H
#define CODECS_FORMAT_H

/* The entry points of each file format (private to codecs/): codec.c finds a format by its bytes
 * and calls it through one table. A new format is one more table. Stateless and thread-safe. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "codecs/image.h"

struct px_encoding;

struct px_header {
    uint32_t width, height; /* as stored, not yet checked against any limit */
    uint32_t channels;      /* as px_image_info.channels */
    int orientation;        /* EXIF's values 1-8; 1 if the file has none */
    bool deep;              /* 16 bits per sample; a decoder of 8 bits ignores it */
};

struct px_codec {
    const char *name, *mime;
    bool (*sniff)(struct px_span file);

    /* Reads what the header declares; allocates nothing. */
    int (*probe)(struct px_span file, struct px_header *header, struct px_error *err);

    /* header: as probe() filled it, checked against the limits. channels: 1-4. *image is written on
     * success only. */
    int (*decode)(struct px_span file, const struct px_header *header, uint32_t channels,
                  struct px_image *image, struct px_error *err);

    /* The same at 16 bits, for files that are deep; NULL if the format has none. */
    int (*decode16)(struct px_span file, const struct px_header *header, uint32_t channels,
                    struct px_image16 *image, struct px_error *err);

    /* Appends the file; on failure the buffer may hold a part of it. */
    int (*encode)(const struct px_image *image, const struct px_encoding *encoding,
                  struct px_buffer *out, struct px_error *err);
};

extern const struct px_codec px_codec_png, px_codec_jpeg; /* in png.c and jpeg.c */

/* The reading halves of the two tables, by the contracts above. */
bool px_png_sniff(struct px_span file); /* png_head.c */
int px_png_probe(struct px_span file, struct px_header *header, struct px_error *err);
int px_png_decode(struct px_span file, const struct px_header *header, uint32_t channels,
                  struct px_image *image, struct px_error *err); /* png_read.c */
int px_png_decode16(struct px_span file, const struct px_header *header, uint32_t channels,
                    struct px_image16 *image, struct px_error *err);

bool px_jpeg_sniff(struct px_span file); /* jpeg_head.c */
int px_jpeg_probe(struct px_span file, struct px_header *header, struct px_error *err);
int px_jpeg_decode(struct px_span file, const struct px_header *header, uint32_t channels,
                   struct px_image *image, struct px_error *err); /* jpeg_read.c */

/* How a message about a refused file ends: what helps if a part of it is missing, and what helps if
 * its bytes are wrong. */
#define PX_ADVICE_CUT "send the whole file"
#define PX_ADVICE_DAMAGED "send an undamaged copy or save it anew"

static inline uint32_t px_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t px_be32(const uint8_t *p)
{
    return px_be16(p) << 16 | px_be16(p + 2);
}

#endif
