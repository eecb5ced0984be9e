#ifndef MODEL_ENGINE_PASSES_H
#define MODEL_ENGINE_PASSES_H

/* What happens to pictures between convolutions, each pass once over memory: normalise by the
 * picture's own statistics, activate, drop, and lay out as the next convolution wants it. All nhwc.
 *
 * Work is divided into rows and fixed blocks of rows, by shape alone, and sums are taken in that
 * order: results depend neither on `threads` nor on what else is in the batch. Nothing allocates.
 * Call from outside OpenMP regions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/engine/batch.h"
#include "model/network/dtype.h"

/* n pictures of height x width x channels with a border of `border` pixels around each: what a
 * convolution gives or reads. They lie plainly, or in depth-to-space order, which is how some
 * convolutions give them: (n, (height + 2 border) / 2, (width + 2 border) / 2, 4 * channels), and
 * row 2t+b and column 2u+d of the picture with its border are at [t][u][(2b + d) * channels]. This
 * is never rearranged on its own, passes read it so. */
struct px_grid {
    void *data;
    enum px_dtype dtype; /* PX_F32 or PX_BF16; what a quantised layer reads: PX_S8 or PX_U8 */
    int n, height, width, channels;
    bool depth_to_space; /* width and height are even, the border is 0 or 1 and holds anything */
    int border;          /* else it mirrors the picture, is written along with it, and is smaller */
};

/* Elements of `data`, and bytes. */
size_t px_grid_elements(const struct px_grid *grid);
size_t px_grid_bytes(const struct px_grid *grid);

/* Pictures first .. first + n - 1 of a grid. */
struct px_grid px_grid_slice(const struct px_grid *grid, int first, int n);

/* A norm: (x - mean) / sqrt(variance + 1e-5) * gamma + beta by the statistics of each picture, the
 * variance biased, as PyTorch's BatchNorm2d on a batch of one. */
struct px_norm_pass {
    const float *gamma, *beta; /* channels */
    float *work;               /* px_pass_work() floats, filled by px_pass_statistics() */
    const float *mean; /* not NULL: one for all, (x - mean) * gamma + beta, without statistics */
};

size_t px_pass_work(const struct px_grid *grid);

/* Computes mean and factor of every picture and channel into norm->work: [n][channels] means, then
 * [n][channels] of gamma / sqrt(variance + 1e-5). */
void px_pass_statistics(const struct px_grid *grid, const struct px_norm_pass *norm, int threads);

/* Where a pass writes, and how: the activated values into a plain grid of the same size, with its
 * border. 8 bits are y * inverse[channel], rounded and clamped as model/checkpoint/quantise.h says.
 */
struct px_target {
    struct px_grid grid;  /* of the type that is read, PX_S8 or PX_U8 */
    float slope;          /* 0 to 1: y < 0 ? slope * y : y */
    const float *inverse; /* grid.channels: 1 / input_scale; 8 bits only */
};

/* What the next convolution reads: [skip, dropout(normalised grid) + more], activated. Element
 * (y, x, c) of picture i's grid stays (and is doubled) if the top bit of
 * px_hash(seeds[i], layer, (y * width + x) * channels + c) is set. `more` and dropout exclude each
 * other. */
struct px_feed_pass {
    struct px_target next;      /* may be the grid itself, if that is plain and there is no skip */
    struct px_target *kept;     /* the same for later layers, without skip; NULL: none */
    const struct px_grid *skip; /* plain, of the type that is read, or already of the target's type
                                   and activated; NULL: none */
    const struct px_grid *more; /* plain, of the same size and type; NULL: nothing */
    const bool *dropout;        /* n; NULL: off */
    const uint64_t *seeds;
    int layer;
};

/* norm NULL: the grid is normalised already. */
void px_pass_feed(const struct px_grid *grid, const struct px_norm_pass *norm,
                  const struct px_feed_pass *feed, int threads);

/* The batch's pictures, 8-bit ones as v / 127.5 - 1, into a plain grid of their size, with its
 * border. */
void px_pass_in(const struct px_batch *batch, const struct px_grid *grid, int threads);

/* tanh of an f32 grid without border or in depth-to-space order, of even width, then
 * trunc((y + 1) * 127.5) if the batch is 8-bit, into the first n answers of the batch. */
void px_pass_out(const struct px_grid *grid, const struct px_batch *batch, int threads);

#endif
