#ifndef CODECS_IMAGE_H
#define CODECS_IMAGE_H

/* A picture in memory, of 8 or of 16 bits per sample: rows top to bottom, pixels left to right,
 * channels interleaved, no padding. Channel c of pixel (x, y) is
 * data[(y * width + x) * channels + c]. Channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA. sRGB
 * values as in the file; colour profiles are ignored.
 *
 * Nearly everything works on 8 bits. 16 bits, 0-65535 in the machine's byte order, are for callers
 * that must keep all that a PNG of 16 bits holds (trainer/).
 *
 * The structs own `data`. One thread at a time; any number may read. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct px_image {
    uint32_t width, height;
    uint32_t channels;
    uint8_t *data;
};

struct px_image16 {
    uint32_t width, height;
    uint32_t channels;
    uint16_t *data;
};

/* Allocate width * height * channels samples, zeroed; the product is checked. On failure *image is
 * unchanged: NOMEM, or INTERNAL if a side is 0 or the channels are not 1-4. */
int px_image_init(struct px_image *image, uint32_t width, uint32_t height, uint32_t channels,
                  struct px_error *err);
int px_image16_init(struct px_image16 *image, uint32_t width, uint32_t height, uint32_t channels,
                    struct px_error *err);

/* Free data and zero the struct; accept NULL and a zeroed struct. */
void px_image_clear(struct px_image *image);
void px_image16_clear(struct px_image16 *image);

/* A new picture of 8 bits: round(v * 255 / 65535). NOMEM. */
int px_image16_round(const struct px_image16 *in, struct px_image *out, struct px_error *err);

#endif
