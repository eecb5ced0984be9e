#ifndef CODECS_JPEG_READ_H
#define CODECS_JPEG_READ_H

/* The reading half of px_codec_jpeg (private to codecs/); contracts in codecs/format.h. */

#include "codecs/format.h"

bool px_jpeg_sniff(struct px_bytes file);
int px_jpeg_probe(struct px_bytes file, struct px_header *header, struct px_error *err);
int px_jpeg_decode(struct px_bytes file, const struct px_header *header, uint32_t channels,
                   struct px_image *image, struct px_error *err);

#endif
