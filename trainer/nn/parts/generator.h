#ifndef TRAINER_NN_PARTS_GENERATOR_H
#define TRAINER_NN_PARTS_GENERATOR_H

/* The generator in training: forward with batch statistics and dropout, backward to all its
 * parameters. The layers are those of px_network, of any architecture; this file only says how
 * activations and gradients flow between them.
 *
 * In f32 everything is f32. In bf16 what convolutions read and write is rounded to bf16:
 * activations, their gradients, packed weights. All arithmetic stays f32, and so do the picture
 * that comes out, statistics, gradients by weights, weights and moments.
 *
 * px_generator_parameters() lays out the tensors once; every px_generator (one per batch size)
 * works on them, through one px_weights. Owns its activations. Serves one thread at a time.
 *
 * generator_layers.c makes and frees the layers; generator.c runs them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/dnn/conv.h"
#include "model/network/network.h"
#include "trainer/nn/parts/weights.h"

struct px_generator;

/* Adds the network's state_dict to an empty px_parameters and allocates it. */
int px_generator_parameters(struct px_parameters *parameters, const struct px_network *network,
                            struct px_error *err);

struct px_generator_options {
    int n;             /* images a batch; statistics run over the whole batch */
    int height, width; /* of the images */
    int threads;
    bool train;          /* gradients are wanted */
    enum px_dtype dtype; /* PX_F32 or PX_BF16 */
};

int px_generator_create(struct px_generator **out, struct px_dnn *dnn,
                        const struct px_network *network, struct px_weights *weights,
                        const struct px_generator_options *options, struct px_error *err);
void px_generator_destroy(struct px_generator *generator); /* accepts NULL */

/* in: (n, height, width, input_nc). The weights are fresh. Gives the generator's own (n, height,
 * width, output_nc) after tanh, valid until the next forward. `dropout` NULL: off; else the seed of
 * this step's masks. */
int px_generator_forward(struct px_generator *generator, const float *in, const uint64_t *dropout,
                         float **out, struct px_error *err);

/* What the last forward gave. */
float *px_generator_output(struct px_generator *generator);

/* Moves the running statistics towards those of the last forward. */
void px_generator_update_running(struct px_generator *generator);

/* From the loss's gradient by the output of the forward before to the gradients of all parameters,
 * which go into the update. */
int px_generator_backward(struct px_generator *generator, const float *dout,
                          const struct px_update *update, struct px_error *err);

#endif
