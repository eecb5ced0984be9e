#ifndef CODECS_PNG_READ_H
#define CODECS_PNG_READ_H

/* The reading half of px_codec_png (private to codecs/); contracts in codecs/format.h. */

#include "codecs/format.h"

bool px_png_sniff(struct px_bytes file);
int px_png_probe(struct px_bytes file, struct px_header *header, struct px_error *err);
int px_png_decode(struct px_bytes file, const struct px_header *header, uint32_t channels,
                  struct px_image *image, struct px_error *err);
int px_png_decode16(struct px_bytes file, const struct px_header *header, uint32_t channels,
                    struct px_image16 *image, struct px_error *err);

#endif
