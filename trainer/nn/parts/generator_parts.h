#ifndef TRAINER_NN_PARTS_GENERATOR_PARTS_H
#define TRAINER_NN_PARTS_GENERATOR_PARTS_H

/* Private to the files of px_generator: what there is for each layer of the network. */

#include "trainer/nn/parts/conv_layer.h"
#include "trainer/nn/parts/generator.h"
#include "trainer/nn/parts/norm.h"
#include "trainer/nn/parts/reflect.h"

struct px_generator_layer {
    struct px_conv_layer conv;
    struct px_norm_layer norm;
    void *in, *din; /* (n, h, w, in_channels): after concatenation, activation and sum; layer 0 has
                       no din */
    struct px_reflect reflect;
    void *padded, *dpadded; /* where the pad mirrors: the same with it */
    void *raw;   /* (n, oh, ow, out_channels): the convolution's result; f32 in the last */
    void *draw;  /* its gradient */
    float *mask; /* dropout, 0 or 2; NULL where the layer has none */
    size_t raw_count;
    int height, width;             /* of the input */
    int sum;                       /* the layer whose result this one's input is added to, or -1 */
    int running_mean, running_var; /* parameters, or -1 */
};

struct px_generator {
    struct px_network network;
    struct px_generator_options options;
    struct px_weights *weights;       /* borrowed */
    struct px_parameters *parameters; /* theirs */
    struct px_generator_layer layers[PX_MAX_LAYERS];
};

/* How a generator ends: y = tanh(x + bias), and its gradient (generator_layers.c). nhwc; f32 but
 * for dx. */

struct px_tanh {
    size_t pixels, channels;
    int threads;
    enum px_dtype dtype; /* of dx, which is rounded to it */
};

/* In place; bias: (channels), or NULL if x contains it. */
void px_tanh_forward(const struct px_tanh *t, const float *bias, float *y);

/* dx = dy * (1 - y^2); dbias (unless NULL) gets its sums over the pixels. */
void px_tanh_backward(const struct px_tanh *t, const float *y, const float *dy, void *dx,
                      float *dbias);

#endif
