#ifndef MODEL_ENGINE_PARTS_ROWS_H
#define MODEL_ENGINE_PARTS_ROWS_H

/* The arithmetic between convolutions on one row of pixels: vectorised, one thread, no memory of
 * its own. model/engine/passes.h runs it over whole pictures. All reductions go over pixels, never
 * across channels, so a channel's result does not depend on the vector width. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/network/dtype.h"

/* One row of a convolution's result. Pixel 2p has its channels at element first + p * step, pixel
 * 2p+1 at second + p * step: this describes plain nhwc rows as well as rows that still lie in
 * depth-to-space order. */
struct px_row {
    const void *data; /* of dtype PX_F32 or PX_BF16; for px_row_feed() also PX_S8 or PX_U8 */
    enum px_dtype dtype;
    size_t first, second, step;
    size_t width, channels;
};

/* y = (x - mean) * scale + beta, for each channel. */
struct px_affine {
    const float *mean, *scale, *beta; /* mean NULL: y = x */
};

/* sum[c] += the row's x; squares[c] += the row's (x - mean[c])^2. */
void px_row_sum(const struct px_row *row, float *sum);
void px_row_squares(const struct px_row *row, const float *mean, float *squares);

/* Drops with probability 1/2 and doubles the rest: element i of the row (counted over pixels, then
 * channels) stays if the top bit of px_hash(seed, stream, index + i) is set. */
struct px_row_drop {
    uint64_t seed, stream, index;
};

/* What happens to the normalised row besides: one of the two, or nothing. */
struct px_row_extra {
    const void *more; /* added: a row of the row's type, pixels close together; or NULL */
    const struct px_row_drop *drop; /* or NULL */
};

/* Where a row goes. Pixels are `step` elements apart; what lies between is left alone. 8 bits:
 * y * inverse[c], rounded to nearest, ties to even, to -127..127 (PX_S8) or 0..255 (PX_U8); a NaN
 * becomes the least of them. */
struct px_row_target {
    void *data;          /* pixel 0 */
    enum px_dtype dtype; /* the row's, PX_S8 or PX_U8 */
    size_t step;
    float slope;          /* activation: y < 0 ? slope * y : y */
    const float *inverse; /* channels; 8 bits only */
};

/* The normalised row, extra and activation into the target, which may be the plain row itself. A
 * row of 8 bits is copied as it is. */
void px_row_feed(const struct px_row *row, const struct px_affine *affine,
                 const struct px_row_extra *extra, const struct px_row_target *to);

/* 8-bit v -> v / 127.5 - 1, and floats as they are, into the network's type. */
void px_row_in_u8(const uint8_t *in, size_t count, enum px_dtype dtype, void *out);
void px_row_in_f32(const float *in, size_t count, enum px_dtype dtype, void *out);

/* tanh of an f32 row of even width and up to 512 channels, pixels close together; 8 bits:
 * trunc((tanh + 1) * 127.5), a NaN gives 0. */
void px_row_out_u8(const struct px_row *row, uint8_t *out);
void px_row_out_f32(const struct px_row *row, float *out);

#endif
