#ifndef TRAINER_NN_PARTS_NORM_H
#define TRAINER_NN_PARTS_NORM_H

/* What stands between two convolutions in training: a norm (by the statistics of a group of
 * images), dropout, activation and the write into one or two next layers' inputs, forward and
 * backward, each in as few passes over memory as the dependencies allow: two to normalise, two
 * back. nhwc; a "pixel" is one (n, h, w) position, its C channels are contiguous. Activations and
 * their gradients are f32 or bf16, rounded when they are written; everything else is f32.
 *
 *   n = gamma * (x - mean) * rstd + beta     (n = x without norm; gamma 1, beta 0 where not given)
 *   d = n * mask                             (mask 0 or 2; d = n without dropout)
 *   target_t = d > 0 ? d : slope_t * d
 *
 * Statistics as torch.nn.BatchNorm2d in training: biased variance, eps 1e-5, over all pixels of a
 * group. With batch norm D normalises its fake and its real half apart (two groups in one batch), G
 * the whole batch (one); with instance norm each image is a group. Sums run in a fixed order for a
 * fixed number of threads. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/network/dtype.h"

struct px_norm_target {
    void *data;     /* first element; written by forward, and the layout of `gradient` */
    void *gradient; /* read by backward; NULL: no gradient comes from here */
    size_t pitch;   /* elements from one pixel to the next, >= channels */
    float slope;    /* 0 ReLU, .2 LeakyReLU */
};

struct px_norm_layer {
    int channels;
    int groups;
    size_t pixels; /* of one group */
    int threads;
    enum px_dtype dtype;       /* of x, dx and the targets */
    void *x;                   /* (groups, pixels, channels): the convolution's result; borrowed */
    void *dx;                  /* the same shape: its gradient, written by backward; borrowed */
    bool normalise;            /* false: n = x */
    const float *gamma, *beta; /* borrowed; NULL: 1 and 0 */
    float *dgamma, *dbeta;     /* borrowed; may be NULL */
    const float *mask;         /* (groups, pixels, channels) or NULL; borrowed */
    struct px_norm_target targets[2];
    int target_count;
    float *mean, *rstd, *scale, *shift; /* (groups, channels); owned, one allocation at `mean` */
    float *partial;                     /* (threads, groups, 2, channels); owned */
};

/* Allocates what is owned after the other fields are filled in. */
int px_norm_layer_init(struct px_norm_layer *norm, struct px_error *err);
void px_norm_layer_clear(struct px_norm_layer *norm);

void px_norm_layer_forward(struct px_norm_layer *norm);

/* running = running + .1 * (statistic - running), variance unbiased; group by group in order. */
void px_norm_layer_update_running(const struct px_norm_layer *norm, float *running_mean,
                                  float *running_var);

/* From the targets' gradients to dx, dgamma, dbeta (overwritten). Needs x and what forward left. In
 * norm_back.c. */
void px_norm_layer_backward(struct px_norm_layer *norm);

#endif
