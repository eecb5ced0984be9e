#ifndef MODEL_ENGINE_PARTS_TAPS_H
#define MODEL_ENGINE_PARTS_TAPS_H

/* The second half of PX_ALGORITHM_TAPS: a matrix product has multiplied every pixel with all
 * weights of the transposed convolution (4x4, stride 2, pad 1); here each pixel of the result
 * becomes the sum of its taps. */

#include "model/engine/passes.h"

/* taps: [n][height / 2][width / 2][16][channels] f32 for the plain grid `result`, f32 or bf16: what
 * pixel (y, x) of the input gives to (2 y - 1 + ky, 2 x - 1 + kx) is at 4 ky + kx. Always adds in
 * the same order. */
void px_taps_sum(const float *taps, const struct px_grid *result, int threads);

#endif
