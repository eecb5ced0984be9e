#ifndef CODECS_IMAGE16_H
#define CODECS_IMAGE16_H

/* A picture of 16 bits a sample, for those who must not lose what a PNG of 16 bits holds
 * (trainer/): laid out as px_image, values 0-65535 in the machine's byte order. Everything else
 * works on px_image, to which px_image_decode() rounds. Stateless and thread-safe. */

#include <stddef.h>
#include <stdint.h>

#include "codecs/codec.h"

struct px_image16 {
    uint32_t width, height;
    uint32_t channels; /* 1-4, as of px_image */
    uint16_t *data;    /* owned */
};

/* As px_image_create() and px_image_destroy(). */
int px_image16_create(struct px_image16 *image, uint32_t width, uint32_t height, uint32_t channels,
                      struct px_error *err);
void px_image16_destroy(struct px_image16 *image);

/* As px_image_decode(), without rounding to 8 bits: alpha is blended and grey is taken at 16.
 * UNPROCESSABLE where the file has not 16 bits (px_image_info.bits). */
int px_image16_decode(const uint8_t *data, size_t size, const struct px_decode_limits *limits,
                      uint32_t channels, struct px_image16 *image, struct px_error *err);

/* As px_image_resize(): the same taps, 16 bits between the passes. */
int px_image16_resize(const struct px_image16 *in, uint32_t width, uint32_t height,
                      struct px_image16 *out, struct px_error *err);

/* A new picture of 8 bits: round(v * 255 / 65535). */
int px_image16_round(const struct px_image16 *in, struct px_image *out, struct px_error *err);

#endif
