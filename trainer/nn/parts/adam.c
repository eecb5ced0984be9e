#include "trainer/nn/parts/adam.h"

#include <math.h>

#include "base/simd.h"

void px_adam_factors(const struct px_adam *adam, struct px_adam_factors *factors)
{
    *factors = (struct px_adam_factors){
        .beta1 = (float)adam->beta1,
        .beta2 = (float)adam->beta2,
        .step_size = (float)(adam->lr / (1.0 - pow(adam->beta1, (double)adam->step))),
        .root_inverse = (float)(1.0 / sqrt(1.0 - pow(adam->beta2, (double)adam->step))),
        .epsilon = (float)adam->epsilon,
    };
}

PX_CLONES void px_adam_update(const struct px_adam_span *span,
                              const struct px_adam_factors *factors, float scale)
{
    float *value = span->value, *m = span->m, *v = span->v, *gradient = span->gradient;
    const float beta1 = factors->beta1, beta2 = factors->beta2, step_size = factors->step_size;
    const float root_inverse = factors->root_inverse, epsilon = factors->epsilon;

#pragma omp simd
    for (size_t i = 0; i < span->n; i++) {
        float g = scale * gradient[i];
        m[i] = m[i] + (g - m[i]) * (1.0f - beta1);
        v[i] = v[i] * beta2 + (1.0f - beta2) * g * g;
        value[i] -= step_size * m[i] / (sqrtf(v[i]) * root_inverse + epsilon);
        gradient[i] = value[i];
    }
}
