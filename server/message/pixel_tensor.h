#ifndef SERVER_MESSAGE_PIXEL_TENSOR_H
#define SERVER_MESSAGE_PIXEL_TENSOR_H

/* Pictures as tensors, as inference clients send and want them. Pixels are 8 bits; F32 is from -1
 * to 1, as the networks see it: value = pixel / 127.5 - 1. Bytes are little-endian, rows top to
 * bottom. Pure functions. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "codecs/image.h"

enum px_pixel_type {
    PX_PIXELS_IN_FILE, /* BYTES: a PNG or JPEG file */
    PX_PIXELS_U8,      /* UINT8 */
    PX_PIXELS_F32,     /* FP32 */
};

enum { PX_TENSOR_NAME_SIZE = 65 };

/* What a request says about its tensor and the one that it wants; the answer's has the same type
 * and layout. Zeroed: the request has no tensors. */
struct px_pixel_tensor {
    enum px_pixel_type type;
    bool quantised; /* F32 that was read from text: the bytes are pixels already */
    bool planar;    /* [channels][height][width]; else [height][width][channels] */
    bool batched;   /* with a dimension of 1 in front */
    uint32_t width, height, channels; /* 0 for a PICTURE */
    bool binary_answer;
    char id[PX_TENSOR_NAME_SIZE];     /* of the request, or "" */
    char output[PX_TENSOR_NAME_SIZE]; /* the answer's name */
};

const char *px_pixel_tensor_type_name(enum px_pixel_type type);

/* Bytes of a U8 or F32 tensor whose sides fit 16 bits. */
size_t px_pixel_tensor_size(const struct px_pixel_tensor *tensor);

/* The tensor as a picture, which the caller owns. UNPROCESSABLE if it does not have `channels` or,
 * as F32, has values that are not from -1 to 1; NOMEM. `bytes` has the size of
 * px_pixel_tensor_size(), or a quarter of it if `quantised`. */
int px_pixel_tensor_to_image(const struct px_pixel_tensor *tensor, struct px_span bytes,
                             uint32_t channels, struct px_image *image, struct px_error *err);

/* Appends a picture in the tensor's type and layout: as bytes, or as numbers with commas between.
 */
void px_pixel_tensor_append_bytes(struct px_buffer *out, const struct px_pixel_tensor *tensor,
                                  const struct px_image *image);
void px_pixel_tensor_append_text(struct px_buffer *out, const struct px_pixel_tensor *tensor,
                                 const struct px_image *image);

#endif
