#ifndef TESTS_MODEL_GENERATOR_H
#define TESTS_MODEL_GENERATOR_H

/* Generators for tests: checkpoints with random weights, and what they compute, from the definition
 * of every layer, in doubles, slow and obvious. */

#include <stdbool.h>
#include <stdint.h>

#include "model/checkpoint/checkpoint.h"

/* Writes a generator with random weights to `path`; fails the test where that goes wrong. */
void generator_write(const char *path, const struct px_network_options *options, bool running);

/* Replaces the generator at `path` by one with int8 layers: all that can be, or all but every
 * third. */
void generator_quantise(const char *path, bool all);

/* One picture, nhwc, through the generator; `in` holds height * width * input_nc values in [-1, 1].
 * seed NULL: dropout off. Returns height * width * output_nc values, to be freed. */
struct generator_input {
    const float *in;
    int height, width;
    bool running;
    const uint64_t *seed;
};
double *generator_answer(const struct px_checkpoint *checkpoint,
                         const struct generator_input *input);

#endif
