#include "trainer/nn/parts/parameters.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
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

struct px_adam_span px_parameters_span(const struct px_parameters *p, size_t first, size_t n,
                                       float *gradient)
{
    assert(first <= p->trainable && n <= p->trainable - first);
    return (struct px_adam_span){p->value + first, p->m + first, p->v + first, gradient, n};
}

void px_parameters_update(struct px_parameters *p, const struct px_update *update)
{
    for (size_t i = 0; i < p->small; i++)
        p->sum[i] = update->part ? p->sum[i] + p->gradient[i] : p->gradient[i];
    if (!px_update_is_last(update))
        return;
    float scale = 1.0f / (float)update->parts;
    if (update->ranks) {
        for (size_t i = 0; i < p->small; i++)
            p->sum[i] *= scale * update->weight;
        px_ranks_sum(update->ranks, p->sum, p->small);
        scale = 1;
    }
    for (int i = 0; i < p->count; i++) {
        const struct px_parameter *t = &p->list[i];
        if (t->kind == PX_PARAMETER_WEIGHT || t->kind >= PX_BUFFER_ZERO)
            continue;
        const struct px_adam_span span =
            px_parameters_span(p, t->offset, t->count, p->sum + t->small);
        px_adam_update(&span, &update->adam, scale);
    }
}
