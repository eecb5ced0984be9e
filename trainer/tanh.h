#ifndef TRAINER_TANH_H
#define TRAINER_TANH_H

/* How a generator ends: y = tanh(x + bias), and its gradient. f32, nhwc. */

#include <stddef.h>

struct px_tanh {
    size_t pixels, channels;
    int threads;
};

/* In place; bias: (channels), or NULL where it is in x already. */
void px_tanh_forward(const struct px_tanh *t, const float *bias, float *y);

/* dy *= 1 - y^2; dbias (where it is not NULL) gets its sums over the pixels. */
void px_tanh_backward(const struct px_tanh *t, const float *y, float *dy, float *dbias);

#endif
