#ifndef MODEL_DNN_PARTS_MINIMAL_H
#define MODEL_DNN_PARTS_MINIMAL_H

/* Winograd's minimal filtering: the three transforms around the products of a convolution that
 * computes a square of results at a time. A patch of the input and the weights are transformed,
 * multiplied element by element, summed over the channels, and the sums transformed into results.
 * For s x s results of k x k taps that takes p * p multiplications a channel, p = s + k - 1:
 *
 *     results  taps     multiplications   error
 *     2 x 2    2 x 2     9 for  16         1.6
 *     3 x 3    2 x 2    16 for  36         1.0
 *     4 x 4    3 x 3    36 for 144         1.9
 *     3 x 3    4 x 4    36 for 144         1.5
 *     2 x 2    3 x 3    16 for  36         0.7
 *
 * The error is the root mean square over 256 channels of noise, in those of a direct sum in f32.
 * All instruction sets give the same bits. Calling thread only. */

#include <stdbool.h>
#include <stddef.h>

enum { PX_SQUARE_MAX = 4, PX_PATCH_MAX = 6, PX_MINIMAL_KERNEL_MAX = 4 };

/* Whether there are transforms for squares of `side` and a kernel of `kernel`. */
bool px_minimal_exists(int side, int kernel);

/* The transform of weights along one direction: value i is the sum of row[i][k] * tap k. */
struct px_minimal_weights {
    double row[PX_PATCH_MAX][PX_MINIMAL_KERNEL_MAX];
};
void px_minimal_weights_make(struct px_minimal_weights *weights, int side, int kernel);

/* A patch of the input with points x points pixels. */
struct px_patch {
    const float *pixel[PX_PATCH_MAX * PX_PATCH_MAX]; /* by rows; NULL: zeros */
    bool whole;                                      /* none is NULL */
    size_t channels;                                 /* a multiple of 8 */
    float *out;                                      /* transformed element i at out + i * step */
    size_t step;
};
void px_minimal_take(const struct px_patch *patch, int points);

/* Transforms a kernel of taps x taps pixels, by `weights` along both directions, for squares of
 * `side`. As px_minimal_take(), but `whole` is not read. */
void px_minimal_take_kernel(const struct px_patch *kernel, const struct px_minimal_weights *weights,
                            int side, int taps);

/* A square of results: the transformed sums + bias, activated: y < 0 ? slope * y : y. */
struct px_square {
    const float *sums; /* element i at sums + i * step */
    size_t step;
    size_t channels;   /* a multiple of 4 */
    const float *bias; /* [channels]; NULL: none */
    float slope;
    float *pixel[PX_SQUARE_MAX * PX_SQUARE_MAX]; /* by rows; NULL: not wanted */
};
void px_minimal_give(const struct px_square *square, int side, int kernel);

#endif
