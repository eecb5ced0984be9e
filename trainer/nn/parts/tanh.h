#ifndef TRAINER_NN_PARTS_TANH_H
#define TRAINER_NN_PARTS_TANH_H

/* How a generator ends: y = tanh(x + bias), and its gradient. nhwc; f32 but for dx. */

#include <stddef.h>

#include "model/network/dtype.h"

struct px_tanh {
    size_t pixels, channels;
    int threads;
    enum px_dtype dtype; /* of dx, which is rounded to it */
};

/* In place; bias: (channels), or NULL where it is in x already. */
void px_tanh_forward(const struct px_tanh *t, const float *bias, float *y);

/* dx = dy * (1 - y^2); dbias (where it is not NULL) gets its sums over the pixels. */
void px_tanh_backward(const struct px_tanh *t, const float *y, const float *dy, void *dx,
                      float *dbias);

#endif
