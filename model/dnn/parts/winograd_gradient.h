#ifndef MODEL_DNN_PARTS_WINOGRAD_GRADIENT_H
#define MODEL_DNN_PARTS_WINOGRAD_GRADIENT_H

/* Gradients by weights in f32 with fewer multiplications (parts/minimal.h): of the convolutions of
 * parts/winograd.h. Squares of the gradient of the result are the kernels, and the taps, on patches
 * of the input, the results; their transformed products are summed over all squares of all
 * pictures. The sums do not depend on the number of threads.
 *
 * A px_winograd_gradient is immutable; any thread may use it with a scratchpad of its own, outside
 * OpenMP regions. */

#include <stddef.h>

#include "base/error.h"
#include "model/dnn/conv_desc.h"

struct px_winograd_gradient;

/* desc->winograd is what px_winograd_choose_training() gave. INVALID as px_winograd_create(),
 * NOMEM.
 */
int px_winograd_gradient_create(struct px_winograd_gradient **out, const struct px_conv_desc *desc,
                                int threads, struct px_error *err);
void px_winograd_gradient_destroy(struct px_winograd_gradient *gradient); /* accepts NULL */

/* "winograd 3x3:avx2". */
const char *px_winograd_gradient_name(const struct px_winograd_gradient *gradient);

/* Bytes of the scratchpad, which is aligned to 64 and may hold anything: 2 to 4 times those of the
 * input and of the gradient of the result, for both. */
size_t px_winograd_gradient_scratch(const struct px_winograd_gradient *gradient);

/* Overwrites buffers->weights, [oc / 16][ic][kernel][kernel][16], aligned to 64. */
void px_winograd_gradient_run(const struct px_winograd_gradient *gradient,
                              const struct px_conv_buffers *buffers, void *scratch);

#endif
