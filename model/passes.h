#ifndef MODEL_PASSES_H
#define MODEL_PASSES_H

/* What happens to pictures between convolutions, each pass once over memory: normalise by the
 * picture's own statistics, activate, drop, and lay out as the next convolution wants it. All nhwc.
 *
 * Work is divided into rows and fixed blocks of rows, by shape alone, and sums are taken in that
 * order: results depend neither on `threads` nor on what else is in the batch. Nothing allocates.
 * Call from outside OpenMP regions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/dtype.h"

/* The result of a layer's convolution: n pictures of height x width x channels. Those of a down
 * layer lie plainly. The convolution of an up layer gives (n, height/2 + 1, width/2 + 1, 4 *
 * channels), where row 2t+b and column 2u+d of the picture with a border of one pixel around it
 * are at [t][u][(2b + d) * channels]; this is never rearranged on its own, passes read it so. */
struct px_grid {
    void *data;
    enum px_dtype dtype; /* PX_F32 or PX_BF16 */
    int n, height, width, channels;
    bool depth_to_space;
};

/* Elements of `data`. */
size_t px_grid_elements(const struct px_grid *grid);

/* A norm by the statistics of each picture: (x - mean) / sqrt(variance + 1e-5) * gamma + beta, the
 * variance biased, as PyTorch's BatchNorm2d on a batch of one. */
struct px_norm_pass {
    const float *gamma, *beta; /* channels */
    float *work;               /* px_pass_work() floats */
};

size_t px_pass_work(const struct px_grid *grid);

/* Computes mean and factor of every picture and channel into norm->work: [n][channels] means, then
 * [n][channels] of gamma / sqrt(variance + 1e-5). The width is even. */
void px_pass_statistics(const struct px_grid *grid, const struct px_norm_pass *norm, int threads);

/* LeakyReLU(0.2) of the normalised (px_pass_statistics) grid, in place. */
void px_pass_down(const struct px_grid *grid, const struct px_norm_pass *norm, int threads);

/* ReLU of [skip, dropout(normalised grid)] into out (n, height, width, skip_channels + channels);
 * norm NULL: the grid is normalised already. Element (y, x, c) of picture i stays where the top bit
 * of px_hash(seeds[i], layer, (y * width + x) * channels + c) is set. */
struct px_up_pass {
    const void *skip; /* (n, height, width, skip_channels), after a (leaky) ReLU or none */
    int skip_channels;
    void *out;
    const bool *dropout; /* n; NULL: off */
    const uint64_t *seeds;
    int layer;
};

void px_pass_up(const struct px_grid *grid, const struct px_norm_pass *norm,
                const struct px_up_pass *up, int threads);

/* n pictures of height x width x channels as plain arrays, one each. */
struct px_pictures {
    int n, height, width, channels;
    const uint8_t *const *in_u8; /* of the two that fit the direction one is not NULL */
    const float *const *in_f32;
    uint8_t *const *out_u8;
    float *const *out_f32;
};

/* 8-bit v -> v / 127.5 - 1 (floats as they are) into data (n, height, width, channels). */
void px_pass_in(const struct px_pictures *pictures, enum px_dtype dtype, void *data, int threads);

/* tanh of an f32 grid, then trunc((y + 1) * 127.5) where the pictures are 8-bit. */
void px_pass_out(const struct px_grid *grid, const struct px_pictures *pictures, int threads);

#endif
