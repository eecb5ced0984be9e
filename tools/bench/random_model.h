#ifndef TOOLS_BENCH_RANDOM_MODEL_H
#define TOOLS_BENCH_RANDOM_MODEL_H

/* An untrained checkpoint: weights N(0, 0.02), norm weights N(1, 0.02), biases 0, running
 * means N(0, 0.02) and variances 1, as pix2pix begins its training. For timing and for tests. */

#include <stdint.h>

#include "base/error.h"
#include "model/network/network.h"

int px_random_model_save(const char *path, const struct px_network *network, uint64_t seed,
                         struct px_error *err);

#endif
