#ifndef TRAINER_PARAMETERS_H
#define TRAINER_PARAMETERS_H

/* The trainable tensors of one network and its buffers: values, gradients and Adam's moments, each
 * one flat array, so that the optimiser is a single pass over memory. Built by adding names, then
 * allocating once. Plain (PyTorch) layouts. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "trainer/init.h"

enum px_parameter_kind {
    PX_PARAMETER_WEIGHT, /* of a convolution: four dimensions */
    PX_PARAMETER_GAMMA,
    PX_PARAMETER_ZERO, /* biases, beta */
    PX_BUFFER_ZERO,    /* running mean: no gradient, not touched by Adam */
    PX_BUFFER_ONE,     /* running variance */
};

struct px_parameter {
    char name[120]; /* state_dict name */
    enum px_parameter_kind kind;
    int ndim;
    int64_t shape[4];
    size_t offset, count; /* floats, in `value` (and gradient, moments); buffers come last */
};

struct px_parameters {
    struct px_parameter *list;
    int count, room;
    size_t trainable;        /* floats before the buffers */
    size_t total;            /* floats with the buffers */
    float *value;            /* total floats */
    float *gradient, *m, *v; /* trainable floats; Adam's first and second moments */
    float *sum;              /* of gradients, or NULL */
};

/* Adds one tensor; buffers must be added after all parameters. Returns its index or a negative
 * code. */
int px_parameters_add(struct px_parameters *p, const char *name, enum px_parameter_kind kind,
                      const int64_t *shape, int ndim, struct px_error *err);
int px_parameters_allocate(struct px_parameters *p, struct px_error *err);
void px_parameters_finish(struct px_parameters *p);

/* Fills values as the reference's init_net(), moments with 0. */
int px_parameters_init(struct px_parameters *p, const struct px_init *init,
                       struct px_random *random, struct px_error *err);

/* The index of a name, or -1. */
int px_parameters_find(const struct px_parameters *p, const char *name);

/* Accumulation: the gradients of several batches become their mean. Prepare once; then add each
 * gradient to the sum (the first one begins it), and last take their mean as the gradient. */
int px_parameters_prepare_sum(struct px_parameters *p, struct px_error *err);
void px_parameters_add_to_sum(struct px_parameters *p, bool first, int threads);
void px_parameters_take_mean(struct px_parameters *p, int count, int threads);

struct px_adam {
    double lr, beta1, beta2, epsilon;
    int64_t step; /* 1 for the first update */
    int threads;
};

/* torch.optim.Adam's update (no weight decay, no amsgrad) from `gradient`. */
void px_adam_update(struct px_parameters *p, const struct px_adam *adam);

#endif
