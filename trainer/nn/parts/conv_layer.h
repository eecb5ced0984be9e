#ifndef TRAINER_NN_PARTS_CONV_LAYER_H
#define TRAINER_NN_PARTS_CONV_LAYER_H

/* One trainable convolution or transposed convolution for a fixed batch and size: its forward and
 * the two gradients. A transposed convolution is the adjoint of a convolution: its forward is that
 * convolution's backward by data, with the very same weight tensor (PyTorch's ConvTranspose2d
 * [in][out][k][k] read as [oc][ic][k][k]).
 *
 * What it reads (input, weights, the gradient of its result) is f32, or all of it bf16; every sum
 * is taken in f32, bias and gradients by weights and bias stay f32. Large layers in f32 are
 * computed with fewer multiplications (px_conv_winograd_training()); the choice depends on the CPU
 * and on all of px_conv_layer_desc but n. Their packed weights take 2.25 to 4 times the memory. The
 * values of weights, bias and gradients belong to a px_weights and its px_parameters. */

#include <stdbool.h>

#include "model/dnn/conv.h"
#include "trainer/nn/parts/weights.h"

struct px_conv_layer_desc {
    bool transposed;
    int n, height, width; /* of the input */
    int in, out;          /* channels */
    int kernel, stride, pad;
    int output_padding;  /* transposed only */
    bool train_weights;  /* gradients by weights are wanted */
    bool train_input;    /* gradients by the input are wanted */
    int weight, bias;    /* indices into the parameters; bias -1: none, or added elsewhere */
    enum px_dtype dtype; /* of what is read */
    enum px_dtype result, dinput; /* of the result, and of the gradient by the input */
};

struct px_conv_layer {
    struct px_conv_layer_desc desc;
    struct px_weights *weights;                     /* borrowed */
    struct px_conv *forward, *by_input, *by_weight; /* by_* may be NULL */
    void *packed_forward, *packed_by_input;         /* borrowed from the weights */
};

int px_conv_layer_init(struct px_conv_layer *layer, struct px_dnn *dnn, struct px_weights *weights,
                       const struct px_conv_layer_desc *desc, struct px_error *err);
void px_conv_layer_clear(struct px_conv_layer *layer);

/* The weights are fresh: px_weights_refresh(). */
int px_conv_layer_forward(struct px_conv_layer *layer, const void *in, void *out,
                          struct px_error *err);

/* What a layer's backward reads, and where it writes the gradient by the input (NULL: nowhere). */
struct px_conv_gradients {
    const void *in, *dout;
    void *din;
};

/* The gradient by the input; then those by weights, which go into the update, and by the bias,
 * which is left in the parameters. update NULL: the gradient by weights is left in the weights'
 * buffer in the layout of layer->by_weight. */
int px_conv_layer_backward(struct px_conv_layer *layer, const struct px_conv_gradients *gradients,
                           const struct px_update *update, struct px_error *err);

#endif
