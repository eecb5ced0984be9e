#ifndef TRAINER_NN_INIT_H
#define TRAINER_NN_INIT_H

/* Initial weights as the reference's init_weights() draws them. Of a convolution:
 *   normal      N(0, gain)
 *   xavier      N(0, gain * sqrt(2 / (fan_in + fan_out)))
 *   kaiming     N(0, sqrt(2 / fan_in)), whatever the gain
 *   orthogonal  gain * rows (or columns, if there are more rows) that are orthonormal, the
 * weight seen as a matrix of its first dimension by the rest with torch's fans: of a weight
 * [d0][d1][k][k] fan_in is d1 k k and fan_out d0 k k, so for a transposed convolution they count
 * its outputs and inputs. Gammas are N(1, gain), biases 0. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"

enum px_init_type { PX_INIT_NORMAL, PX_INIT_XAVIER, PX_INIT_KAIMING, PX_INIT_ORTHOGONAL };

struct px_init {
    enum px_init_type type;
    double gain; /* the reference's default: .02 */
};

/* Fills the weight of a convolution of this shape. NOMEM: only for orthogonal. */
int px_init_weight(const struct px_init *init, float *weight, const int64_t shape[4],
                   struct px_random *random, struct px_error *err);

/* Fills with N(1, gain). */
void px_init_gamma(const struct px_init *init, float *gamma, size_t count,
                   struct px_random *random);

#endif
