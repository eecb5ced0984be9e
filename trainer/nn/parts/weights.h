#ifndef TRAINER_NN_PARTS_WEIGHTS_H
#define TRAINER_NN_PARTS_WEIGHTS_H

/* The convolution weights of one network as convolutions read and write them, beside the plain ones
 * of its px_parameters, which are the truth.
 *
 * A convolution reads its weights in a layout of its own, in f32 or rounded to bf16. There is one
 * packed copy for each layout and type that is asked for, shared by all convolutions that ask for
 * the same. Gradients come in a layout of their own, too, and all into one buffer: each is taken at
 * once, before the next is computed. Taking it reads the gradient, moves the plain weight and its
 * moments by Adam and writes all packed copies, block by block in the cache, so that each of these
 * passes through memory once.
 *
 * Serves one thread at a time, and its OpenMP team. The results do not depend on the threads. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/dnn/conv.h"
#include "trainer/nn/parts/parameters.h"

struct px_weights;

/* The parameters are borrowed. accumulate: updates will have several parts or ranks. */
int px_weights_create(struct px_weights **out, struct px_parameters *parameters, int threads,
                      bool accumulate, struct px_error *err);
void px_weights_destroy(struct px_weights *weights); /* accepts NULL */

struct px_parameters *px_weights_parameters(const struct px_weights *weights);

/* Gives the memory of the copy of a parameter that `conv` will read; it is packed by the next
 * px_weights_refresh(). Lives as long as the weights, not as the convolution. */
int px_weights_borrow(struct px_weights *weights, int parameter, const struct px_conv *conv,
                      void **packed, struct px_error *err);

/* Packs the copies that were never packed: after px_weights_borrow(), and once the values are
 * there.
 */
void px_weights_refresh(struct px_weights *weights);

/* The gradient of a parameter will come from `conv`, a BACKWARD_WEIGHTS, and from no other that was
 * given before. Do not call it between the parts of a step. */
int px_weights_enable_gradients(struct px_weights *weights, int parameter,
                                const struct px_conv *conv, struct px_error *err);

/* A number that depends on the layouts of all those gradients: ranks can sum them if it is the same
 * for all. */
uint64_t px_weights_layouts(const struct px_weights *weights);

/* Where those convolutions write. It moves with px_weights_enable_gradients(). */
float *px_weights_gradient(const struct px_weights *weights);

/* Takes what is there as the parameter's gradient. With several ranks the last part begins to sum
 * it over them, and the step follows when that is done, in a later call or in px_weights_finish().
 */
void px_weights_load_from(struct px_weights *weights, int parameter,
                          const struct px_update *update);

/* After the last gradient of a part: waits for all sums that are under way, and makes their steps.
 * Does nothing with one rank. */
void px_weights_finish(struct px_weights *weights, const struct px_update *update);

/* Seconds spent in px_weights_load_from() and px_weights_finish() so far. */
double px_weights_seconds(const struct px_weights *weights);

#endif
