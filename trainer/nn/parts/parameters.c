#include "trainer/nn/parts/parameters.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/simd.h"
#include "trainer/nn/parts/floats.h"

int px_parameters_add(struct px_parameters *p, const char *name, enum px_parameter_kind kind,
                      const int64_t *shape, int ndim, struct px_error *err)
{
    struct px_parameter *list =
        px_array_grow(p->list, &p->capacity, (size_t)p->count + 1, sizeof *list);

    if (!list)
        return px_fail(err, PX_E_NOMEM, "no memory for a list of parameters");
    p->list = list;
    assert(ndim >= 0 && ndim <= 4 && (kind >= PX_BUFFER_ZERO || p->trainable == p->total));
    struct px_parameter *new = &p->list[p->count];
    *new = (struct px_parameter){.kind = kind, .ndim = ndim, .offset = p->total, .count = 1};
    snprintf(new->name, sizeof new->name, "%s", name);
    for (int i = 0; i < ndim; i++) {
        new->shape[i] = shape[i];
        new->count *= (size_t)shape[i];
    }
    p->total += new->count;
    if (kind > PX_PARAMETER_WEIGHT && kind < PX_BUFFER_ZERO) {
        new->small = p->small;
        p->small += new->count;
    }
    if (kind < PX_BUFFER_ZERO)
        p->trainable = p->total;
    return p->count++;
}

int px_parameters_allocate(struct px_parameters *p, struct px_error *err)
{
    p->value = px_floats(p->total);
    p->m = px_floats(p->trainable);
    p->v = px_floats(p->trainable);
    p->gradient = px_floats(p->small);
    p->sum = px_floats(p->small);
    if (!p->value || !p->m || !p->v || !p->gradient || !p->sum)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu parameters and their moments",
                       p->trainable);
    return 0;
}

void px_parameters_clear(struct px_parameters *p)
{
    free(p->list);
    free(p->value);
    free(p->gradient);
    free(p->m);
    free(p->v);
    free(p->sum);
    memset(p, 0, sizeof *p);
}

int px_parameters_draw(struct px_parameters *p, const struct px_init *init,
                       struct px_random *random, struct px_error *err)
{
    for (int i = 0; i < p->count; i++) {
        const struct px_parameter *t = &p->list[i];
        float *value = p->value + t->offset;
        int rc = 0;
        if (t->kind == PX_PARAMETER_WEIGHT)
            rc = px_init_weight(init, value, t->shape, random, err);
        else if (t->kind == PX_PARAMETER_GAMMA)
            px_init_gamma(init, value, t->count, random);
        for (size_t k = 0; k < t->count && t->kind > PX_PARAMETER_GAMMA; k++)
            value[k] = t->kind == PX_BUFFER_ONE ? 1.0f : 0.0f;
        if (rc)
            return rc;
    }
    memset(p->m, 0, p->trainable * sizeof *p->m);
    memset(p->v, 0, p->trainable * sizeof *p->v);
    return 0;
}

int px_parameters_find(const struct px_parameters *p, const char *name)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->list[i].name, name) == 0)
            return i;
    return -1;
}

float *px_parameters_gradient(const struct px_parameters *p, int index)
{
    return index < 0 ? NULL : p->gradient + p->list[index].small;
}

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

PX_CLONES void px_adam_update(const struct px_parameters *p, const struct px_adam_factors *f,
                              const struct px_adam_span *span)
{
    float *value = p->value + span->first, *m = p->m + span->first, *v = p->v + span->first;
    float *gradient = span->gradient;
    const float beta1 = f->beta1, beta2 = f->beta2, step_size = f->step_size;
    const float root_inverse = f->root_inverse, epsilon = f->epsilon, scale = span->scale;

#pragma omp simd
    for (size_t i = 0; i < span->n; i++) {
        float g = scale * gradient[i];
        m[i] = m[i] + (g - m[i]) * (1.0f - beta1);
        v[i] = v[i] * beta2 + (1.0f - beta2) * g * g;
        value[i] -= step_size * m[i] / (sqrtf(v[i]) * root_inverse + epsilon);
        gradient[i] = value[i];
    }
}

void px_parameters_update(struct px_parameters *p, const struct px_update *update)
{
    for (size_t i = 0; i < p->small; i++)
        p->sum[i] = update->part ? p->sum[i] + p->gradient[i] : p->gradient[i];
    if (update->part < update->parts - 1)
        return;
    for (int i = 0; i < p->count; i++) {
        const struct px_parameter *t = &p->list[i];
        const struct px_adam_span span = {t->offset, t->count, p->sum + t->small,
                                          1.0f / (float)update->parts};
        if (t->kind > PX_PARAMETER_WEIGHT && t->kind < PX_BUFFER_ZERO)
            px_adam_update(p, &update->adam, &span);
    }
}
