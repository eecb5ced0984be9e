#ifndef TRAINER_NN_PATCHGAN_H
#define TRAINER_NN_PATCHGAN_H

/* The discriminators of pytorch-CycleGAN-and-pix2pix: logits for overlapping patches.
 *
 * NLayerDiscriminator: n 4x4 convolutions of stride 2 and two of stride 1; channels in -> ndf ->
 * 2 ndf -> 4 ndf -> 8 ndf -> 8 ndf ... -> 1, LeakyReLU(.2), norm on all but the first and the last.
 * n = 3 is the paper's 70x70 PatchGAN, 30x30 logits for 256x256. PixelDiscriminator: three 1x1
 * convolutions, in -> ndf -> norm(2 ndf) -> 1.
 *
 * In f32 everything is f32; bf16 is as in the generator, with f32 logits and an f32 gradient by the
 * input.
 *
 * px_patchgan_parameters() lays out the tensors once; every px_patchgan (one per batch) works on
 * them, all through one px_weights. A batch may hold several groups of images whose statistics are
 * kept apart: D's step sees fake and real images in one batch of two groups, as two forward passes
 * of the reference. */

#include <stdbool.h>

#include "base/error.h"
#include "model/dnn/conv.h"
#include "model/network/network.h"
#include "trainer/nn/parts/weights.h"

struct px_patchgan;

enum { PX_MAX_D_LAYERS = 6 };

/* Which discriminator. */
struct px_patchgan_form {
    int input_nc; /* channels of A and B together */
    int ndf;
    int n_layers; /* 1..PX_MAX_D_LAYERS; 0: the PixelDiscriminator */
    enum px_norm norm;
};

/* Side of the map of logits for square images; below 1: the images are too small. The map before it
 * is one larger, or as large for the PixelDiscriminator. */
int px_patchgan_map(int n_layers, int size);

/* Adds the state_dict to an empty px_parameters and allocates it. */
int px_patchgan_parameters(struct px_parameters *parameters, const struct px_patchgan_form *form,
                           struct px_error *err);

struct px_patchgan_options {
    struct px_patchgan_form form;
    int height, width; /* of the images; their map has at least one logit each way */
    int n, groups;     /* images a batch, groups of n / groups images */
    int threads;
    enum px_dtype dtype; /* PX_F32 or PX_BF16 */
    bool train_weights;  /* backward gives the parameters' gradients */
    bool train_input;    /* backward gives the input's gradient */
};

int px_patchgan_create(struct px_patchgan **out, struct px_dnn *dnn, struct px_weights *weights,
                       const struct px_patchgan_options *options, struct px_error *err);
void px_patchgan_destroy(struct px_patchgan *gan); /* accepts NULL */

/* (n, height, width, input_nc), of the options' type: write the images here, then run forward. */
void *px_patchgan_input(struct px_patchgan *gan);
/* With train_input: the gradient by that input, after backward. */
const float *px_patchgan_input_gradient(const struct px_patchgan *gan);

/* The weights are fresh. Gives the logits, (n, mh, mw, 1) with *count = n * mh * mw elements;
 * updates the running statistics.
 */
int px_patchgan_forward(struct px_patchgan *gan, const float **logits, size_t *count,
                        struct px_error *err);

/* Write the loss's gradient by the logits to px_patchgan_logits_gradient() first. */
float *px_patchgan_logits_gradient(struct px_patchgan *gan);
/* With train_weights the parameters' gradients go into the update; else it is not looked at. */
int px_patchgan_backward(struct px_patchgan *gan, const struct px_update *update,
                         struct px_error *err);

#endif
