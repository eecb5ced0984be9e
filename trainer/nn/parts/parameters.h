#ifndef TRAINER_NN_PARTS_PARAMETERS_H
#define TRAINER_NN_PARTS_PARAMETERS_H

/* The trainable tensors of one network and its buffers, f32, in plain (PyTorch) layouts: values and
 * Adam's moments, each one flat array. Built by adding names, then allocating once. The gradients
 * of the small ones (biases, gamma, beta) are here; those of weights never exist as a whole
 * (trainer/nn/parts/weights.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "trainer/nn/init.h"
#include "trainer/nn/parts/adam.h"
#include "trainer/ranks/ranks.h"

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
    size_t offset, count; /* floats, in `value` and the moments; buffers come last */
    size_t small;         /* where its gradient stands, if it is neither weight nor buffer */
};

struct px_parameters {
    struct px_parameter *list;
    int count;
    size_t capacity;       /* of the list */
    size_t trainable;      /* floats before the buffers */
    size_t total;          /* floats with the buffers */
    size_t small;          /* floats of biases, gammas and betas */
    float *value;          /* total floats */
    float *m, *v;          /* trainable floats; Adam's first and second moments */
    float *gradient, *sum; /* small floats; the sum of the parts' gradients */
};

/* Adds one tensor; buffers must be added after all parameters. Returns its index or a negative
 * code. */
int px_parameters_add(struct px_parameters *p, const char *name, enum px_parameter_kind kind,
                      const int64_t *shape, int ndim, struct px_error *err);
int px_parameters_allocate(struct px_parameters *p, struct px_error *err);
void px_parameters_clear(struct px_parameters *p);

/* Fills values as the reference's init_net(), moments with 0. */
int px_parameters_draw(struct px_parameters *p, const struct px_init *init,
                       struct px_random *random, struct px_error *err);

/* The index of a name, or -1. */
int px_parameters_find(const struct px_parameters *p, const char *name);

/* The gradient of a bias, gamma or beta; NULL for index -1. */
float *px_parameters_gradient(const struct px_parameters *p, int index);

/* `n` trainable numbers from `first` on, for an update by `gradient`. */
struct px_adam_span px_parameters_span(const struct px_parameters *p, size_t first, size_t n,
                                       float *gradient);

/* A step takes the mean of the gradients of `parts` batches. They come one after another, each with
 * its number; the last one makes the step. With several ranks it takes the sum of these means, each
 * times its rank's weight. */
struct px_update {
    struct px_adam_factors adam;
    int part, parts;        /* 0 .. parts - 1 */
    struct px_ranks *ranks; /* NULL: one */
    float weight;           /* with ranks: this one's share of the step's pictures */
};

static inline bool px_update_is_last(const struct px_update *update)
{
    return update->part == update->parts - 1;
}

/* Takes the gradients of biases, gammas and betas as one part's. The ranks wait for each other. */
void px_parameters_update(struct px_parameters *p, const struct px_update *update);

#endif
