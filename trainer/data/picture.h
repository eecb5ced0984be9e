#ifndef TRAINER_DATA_PICTURE_H
#define TRAINER_DATA_PICTURE_H

/* A picture as it is trained on: 8 bits a sample, or 16 if the file has them (a PNG), so that
 * nothing is lost on the way to the network. Laid out as px_image. Owns its samples; zeroed: empty.
 * One thread at a time. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/codec.h"
#include "codecs/image.h"

struct px_picture {
    uint32_t width, height, channels;
    uint8_t *data;  /* of 8 bits, or NULL */
    uint16_t *deep; /* of 16 bits, or NULL */
};

/* As px_image_load(). */
int px_picture_load(const char *path, const struct px_decode_limits *limits, uint32_t channels,
                    struct px_picture *out, struct px_error *err);
void px_picture_clear(struct px_picture *picture); /* accepts NULL and an empty one */

/* Replaces the picture by one of width x height (codecs/resize.h). */
int px_picture_resize(struct px_picture *picture, uint32_t width, uint32_t height,
                      struct px_error *err);

/* Replaces the picture by a part of it, which lies inside. */
struct px_area {
    uint32_t x, y, width, height;
};
int px_picture_cut(struct px_picture *picture, const struct px_area *area, struct px_error *err);

size_t px_picture_bytes(const struct px_picture *picture); /* of its samples */

/* A copy of 8 bits, for people and for comparisons. */
int px_picture_round(const struct px_picture *picture, struct px_image *out, struct px_error *err);

#endif
