#ifndef CODECS_IMAGE_H
#define CODECS_IMAGE_H

/* An 8-bit picture in memory: rows top to bottom, pixels left to right, channels interleaved, no
 * padding: pixel (x, y), channel c is data[(y * width + x) * channels + c]. channels: 1 grey, 2
 * grey + alpha, 3 RGB, 4 RGBA. sRGB values as in the file; colour profiles are ignored. The struct
 * owns `data`. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct px_image {
    uint32_t width, height;
    uint32_t channels;
    uint8_t *data;
};

/* Allocates width * height * channels bytes, zeroed; the product is checked. NOMEM on failure. */
int px_image_create(struct px_image *image, uint32_t width, uint32_t height, uint32_t channels,
                    struct px_error *err);

/* Frees data and zeroes the struct; accepts NULL and a zeroed struct. */
void px_image_destroy(struct px_image *image);

#endif
