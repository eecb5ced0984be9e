#ifndef TRAINER_NN_PARTS_ADAM_H
#define TRAINER_NN_PARTS_ADAM_H

/* torch.optim.Adam's update, without weight decay and amsgrad. Pure functions; the moments are the
 * caller's (trainer/nn/parts/parameters.h). */

#include <stddef.h>
#include <stdint.h>

struct px_adam {
    double lr, beta1, beta2, epsilon;
    int64_t step; /* 1 for the first update */
};

/* What an update computes with. */
struct px_adam_factors {
    float beta1, beta2;
    float step_size;    /* lr / (1 - beta1^t) */
    float root_inverse; /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
};

void px_adam_factors(const struct px_adam *adam, struct px_adam_factors *factors);

/* n numbers that follow each other. */
struct px_adam_span {
    float *value, *m, *v; /* m, v: first and second moments; 0 before the first update */
    float *gradient;
    size_t n;
};

/* Updates values and moments by scale * gradient, and leaves the new values in its place. */
void px_adam_update(const struct px_adam_span *span, const struct px_adam_factors *factors,
                    float scale);

#endif
