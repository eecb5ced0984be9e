#ifndef TRAINER_CONV_LAYER_H
#define TRAINER_CONV_LAYER_H

/* One trainable convolution or transposed convolution for a fixed batch and size, f32: its forward
 * and the two gradients. A transposed convolution is the adjoint of a convolution: its forward is
 * that convolution's backward by data, with the very same weight tensor (PyTorch's ConvTranspose2d
 * [in][out][k][k] read as [oc][ic][k][k]). Weights, bias and gradients belong to a px_parameters;
 * packed copies for oneDNN are owned and refreshed after every update. */

#include <stdbool.h>

#include "model/conv.h"
#include "trainer/parameters.h"

struct px_conv_layer_desc {
    bool transposed;
    int n, height, width; /* of the input */
    int in, out;          /* channels */
    int kernel, stride, pad;
    int output_padding; /* transposed only */
    bool relu;          /* not transposed: LeakyReLU(.2) on the result */
    bool train_weights; /* gradients by weights are wanted */
    bool train_input;   /* gradients by the input are wanted */
    int weight, bias;   /* indices into the parameters; bias -1: none (or added elsewhere) */
};

struct px_conv_layer {
    struct px_conv_layer_desc desc;
    struct px_parameters *parameters;               /* borrowed */
    struct px_conv *forward, *by_input, *by_weight; /* by_* may be NULL */
    void *packed_forward, *packed_by_input;
    float *packed_gradient;
};

int px_conv_layer_init(struct px_conv_layer *layer, struct px_dnn *dnn,
                       struct px_parameters *parameters, const struct px_conv_layer_desc *desc,
                       struct px_error *err);
void px_conv_layer_finish(struct px_conv_layer *layer);

/* Packs the current weights; call after every change of them. */
int px_conv_layer_refresh(struct px_conv_layer *layer, struct px_error *err);

int px_conv_layer_forward(struct px_conv_layer *layer, const float *in, float *out,
                          struct px_error *err);

/* dout -> weight (and bias) gradients in the parameters (overwritten), and din where it is not
 * NULL. */
int px_conv_layer_backward(struct px_conv_layer *layer, const float *in, const float *dout,
                           float *din, struct px_error *err);

#endif
