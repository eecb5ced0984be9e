#ifndef CODECS_FORMAT_H
#define CODECS_FORMAT_H

/* What codec.c needs of one file format (private to codecs/). A new format is one more table. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/buffer.h"
#include "codecs/image.h"
#include "codecs/image16.h"

struct px_bytes {
    const uint8_t *data; /* borrowed */
    size_t size;
};

struct px_header {
    uint32_t width, height; /* as stored, not yet checked against any limit */
    uint32_t channels;      /* as px_image_info.channels */
    int orientation;        /* 1-8, EXIF's values; 1 where nothing is said */
    bool deep;              /* 16 bits a sample; a decoder of 8 bits ignores it */
};

struct px_codec {
    const char *name, *mime;
    bool (*sniff)(struct px_bytes file);

    /* Reads what the header declares; allocates nothing. */
    int (*probe)(struct px_bytes file, struct px_header *header, struct px_error *err);

    /* header: what probe() gave, checked against the limits. *image is written on success only. */
    int (*decode)(struct px_bytes file, const struct px_header *header, uint32_t channels,
                  struct px_image *image, struct px_error *err);

    /* The same at 16 bits, for files that are deep; NULL where the format has none. */
    int (*decode16)(struct px_bytes file, const struct px_header *header, uint32_t channels,
                    struct px_image16 *image, struct px_error *err);

    /* Appends the file; on failure the buffer may hold a part of it. */
    int (*encode)(const struct px_image *image, int quality, struct px_buffer *out,
                  struct px_error *err);
};

extern const struct px_codec px_codec_png, px_codec_jpeg;

static inline uint32_t px_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t px_be32(const uint8_t *p)
{
    return px_be16(p) << 16 | px_be16(p + 2);
}

#endif
