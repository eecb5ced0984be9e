#include "trainer/nn/parts/weights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/random.h"
#include "model/dnn/blocked.h"
#include "model/dnn/packing.h"
#include "trainer/nn/parts/floats.h"

/* The part of a tensor that goes through the cache at once: with 16 taps 64 KB of its gradient,
 * values, moments and packed copies each. Its gradient is in an array of its own, in whose
 * place Adam leaves the new values, to be packed from there: in the plain tensor its rows lie a
 * power of two apart and would evict each other. SPARE keeps the array's rows from that, too. */
enum { ROWS = 32, COLUMNS = 32, SPARE = 16 };

struct copy {
    int parameter;
    struct px_packing *packing;
    void *packed;
    bool fresh;
};

struct trained { /* a parameter's gradient */
    struct px_blocked *order;
    float *sum; /* of the parts before, in this order; NULL without accumulation */
};

struct summing { /* over the ranks */
    int parameter;
    uint64_t sum;
};

struct px_weights {
    struct px_parameters *parameters; /* borrowed */
    int threads;
    bool accumulate;
    struct copy *copies;
    int count;
    size_t capacity;         /* of the copies */
    struct trained *trained; /* one for each parameter; order NULL: not trained */
    float *gradient;
    size_t gradient_size;
    float *cells; /* an array for each thread */
    size_t cell_size;
    int64_t taking_ns;
    struct summing *summing; /* in the order in which they began; one for each parameter */
    int summing_first, summing_end;
};

int px_weights_create(struct px_weights **out, struct px_parameters *parameters, int threads,
                      bool accumulate, struct px_error *err)
{
    struct px_weights *w = calloc(1, sizeof *w);

    if (w) {
        w->trained = calloc((size_t)parameters->count, sizeof *w->trained);
        w->summing = calloc((size_t)parameters->count, sizeof *w->summing);
    }
    if (!w || !w->trained || !w->summing) {
        if (w) {
            free(w->trained);
            free(w->summing);
        }
        free(w);
        return px_fail(err, PX_E_NOMEM, "no memory for packed weights");
    }
    w->parameters = parameters;
    w->threads = threads;
    w->accumulate = accumulate;
    *out = w;
    return 0;
}

void px_weights_destroy(struct px_weights *w)
{
    if (!w)
        return;
    for (int i = 0; i < w->count; i++) {
        px_packing_destroy(w->copies[i].packing);
        free(w->copies[i].packed);
    }
    for (int i = 0; i < w->parameters->count; i++) {
        px_blocked_destroy(w->trained[i].order);
        free(w->trained[i].sum);
    }
    free(w->copies);
    free(w->summing);
    free(w->trained);
    free(w->gradient);
    free(w->cells);
    free(w);
}

struct px_parameters *px_weights_parameters(const struct px_weights *w)
{
    return w->parameters;
}

double px_weights_seconds(const struct px_weights *w)
{
    return (double)w->taking_ns * 1e-9;
}

static int unknown_order(const struct px_conv *conv, struct px_error *err)
{
    return px_fail(err, PX_E_INTERNAL,
                   "the weights of oneDNN's %s are in no order that training knows",
                   px_conv_implementation(conv));
}

static struct copy *find(const struct px_weights *w, const struct copy *like)
{
    for (int i = 0; i < w->count; i++) {
        struct copy *c = &w->copies[i];
        if (c->parameter == like->parameter && px_packing_equal(c->packing, like->packing))
            return c;
    }
    return NULL;
}

static int add(struct px_weights *w, struct copy *copy, struct px_error *err)
{
    struct copy *copies =
        px_array_grow(w->copies, &w->capacity, (size_t)w->count + 1, sizeof *copies);

    if (!copies)
        return px_fail(err, PX_E_NOMEM, "no memory for a list of packed weights");
    w->copies = copies;
    copy->packed = px_zeros(px_packing_size(copy->packing)); /* padding is zero */
    if (!copy->packed)
        return px_fail(err, PX_E_NOMEM, "no memory for packed weights");
    w->copies[w->count++] = *copy;
    return 0;
}

int px_weights_borrow(struct px_weights *w, int parameter, const struct px_conv *conv,
                      void **packed, struct px_error *err)
{
    struct copy new = {.parameter = parameter, .packing = px_packing_create(conv)};
    int rc = 0;

    if (!new.packing)
        return unknown_order(conv, err);
    struct copy *old = find(w, &new);
    if (old)
        *packed = old->packed;
    else if (!(rc = add(w, &new, err)))
        *packed = new.packed;
    if (old || rc)
        px_packing_destroy(new.packing);
    return rc;
}

void px_weights_refresh(struct px_weights *w)
{
    for (int i = 0; i < w->count; i++) {
        struct copy *c = &w->copies[i];
        const float *value = w->parameters->value + w->parameters->list[c->parameter].offset;
        if (c->fresh)
            continue;
        px_packing_pack(c->packing, value, c->packed, w->threads);
        c->fresh = true;
    }
}

static size_t taps_of(const struct px_parameter *p)
{
    return (size_t)(p->shape[2] * p->shape[3]);
}

/* A larger buffer in place of *buffer; what it held is lost. */
static int grow(float **buffer, size_t *size, size_t wanted, struct px_error *err)
{
    if (wanted <= *size)
        return 0;
    free(*buffer);
    *size = 0;
    *buffer = px_floats(wanted);
    if (!*buffer)
        return px_fail(err, PX_E_NOMEM, "no memory for a gradient of %zu elements", wanted);
    *size = wanted;
    return 0;
}

int px_weights_enable_gradients(struct px_weights *w, int parameter, const struct px_conv *conv,
                                struct px_error *err)
{
    struct trained *t = &w->trained[parameter];
    size_t cell = ROWS * (COLUMNS * taps_of(&w->parameters->list[parameter]) + SPARE);

    px_blocked_destroy(t->order); /* of another size of images */
    free(t->sum);
    *t = (struct trained){0};
    t->order = px_conv_create_blocked(conv);
    if (!t->order)
        return unknown_order(conv, err);
    size_t n = px_blocked_size(t->order);
    int rc = grow(&w->gradient, &w->gradient_size, n, err);
    if (!rc)
        rc = grow(&w->cells, &w->cell_size, (size_t)w->threads * cell, err);
    if (!rc && w->accumulate && !(t->sum = px_floats(n)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for the sum of %zu gradients", n);
    return rc;
}

uint64_t px_weights_layouts(const struct px_weights *w)
{
    uint64_t print = 0;

    for (int i = 0; i < w->parameters->count; i++)
        if (w->trained[i].order)
            print = px_mix64(print ^ px_blocked_fingerprint(w->trained[i].order)) + (uint64_t)i;
    return print;
}

float *px_weights_gradient(const struct px_weights *w)
{
    return w->gradient;
}

/* The sum of the gradients so far, which the first begins; then times `scale`. */
static void add_to_sum(const struct px_weights *w, const struct trained *t, bool first, float scale)
{
    float *sum = t->sum;
    const float *gradient = w->gradient;
    size_t n = px_blocked_size(t->order);

#pragma omp parallel for simd num_threads(w->threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        sum[i] = scale * (first ? gradient[i] : sum[i] + gradient[i]);
}

/* A step of one parameter. */
struct weight_step {
    const struct px_weights *weights;
    int parameter;
    const struct px_adam_factors *adam;
    const float *gradient; /* packed */
    float scale;
    size_t rows, columns; /* in cells */
};

static void step_cell(const struct weight_step *s, size_t index, float *plain)
{
    const struct px_weights *w = s->weights;
    const struct px_parameter *p = &w->parameters->list[s->parameter];
    size_t oc = (size_t)p->shape[0], ic = (size_t)p->shape[1], taps = taps_of(p);
    size_t o = index / s->columns * ROWS, i = index % s->columns * COLUMNS;
    struct px_cell cell = {o, i, px_at_most(oc - o, ROWS), px_at_most(ic - i, COLUMNS), plain, 0};

    cell.pitch = cell.columns * taps + SPARE;
    px_blocked_unpack_cell(w->trained[s->parameter].order, &cell, s->gradient);
    for (size_t r = 0; r < cell.rows; r++) {
        const struct px_adam_span span =
            px_parameters_span(w->parameters, p->offset + ((o + r) * ic + i) * taps,
                               cell.columns * taps, plain + r * cell.pitch);
        px_adam_update(&span, s->adam, s->scale);
    }
    for (int k = 0; k < w->count; k++) {
        const struct copy *c = &w->copies[k];
        if (c->parameter == s->parameter)
            px_packing_pack_cell(c->packing, &cell, c->packed);
    }
}

static void step(const struct weight_step *s)
{
    size_t cells = s->rows * s->columns, threads = (size_t)s->weights->threads;
    size_t room = s->weights->cell_size / threads;

#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (size_t t = 0; t < threads; t++)
        for (size_t i = cells * t / threads; i < cells * (t + 1) / threads; i++)
            step_cell(s, i, s->weights->cells + t * room);
}

/* Makes a parameter's step from a gradient that is `scale` times the one wanted. */
static void step_by(struct px_weights *w, int parameter, const struct px_update *update,
                    const float *gradient, float scale)
{
    const struct px_parameter *p = &w->parameters->list[parameter];
    const struct weight_step s = {.weights = w,
                                  .parameter = parameter,
                                  .adam = &update->adam,
                                  .gradient = gradient,
                                  .scale = scale,
                                  .rows = ((size_t)p->shape[0] + ROWS - 1) / ROWS,
                                  .columns = ((size_t)p->shape[1] + COLUMNS - 1) / COLUMNS};

    step(&s);
}

/* Makes the steps of sums that are done, up to the first that is not; or waits for all. */
static void take_sums(struct px_weights *w, const struct px_update *update, bool all)
{
    for (; w->summing_first < w->summing_end; w->summing_first++) {
        struct summing *s = &w->summing[w->summing_first];

        if (all)
            px_ranks_wait(update->ranks, &s->sum);
        else if (!px_ranks_test(update->ranks, &s->sum))
            return;
        step_by(w, s->parameter, update, w->trained[s->parameter].sum, 1);
    }
    w->summing_first = w->summing_end = 0;
}

static void begin_sum(struct px_weights *w, int parameter, const struct px_update *update)
{
    const struct trained *t = &w->trained[parameter];

    take_sums(w, update, false);
    assert(w->summing_end < w->parameters->count);
    struct summing *s = &w->summing[w->summing_end++];
    s->parameter = parameter;
    px_ranks_sum_start(update->ranks, t->sum, px_blocked_size(t->order), &s->sum);
}

void px_weights_load_from(struct px_weights *w, int parameter, const struct px_update *update)
{
    const struct trained *t = &w->trained[parameter];
    int64_t start = px_now_ns();
    bool last = px_update_is_last(update), summed = update->parts > 1 || update->ranks;
    float mean = 1.0f / (float)update->parts;

    if (summed)
        add_to_sum(w, t, update->part == 0, last && update->ranks ? mean * update->weight : 1);
    if (last && update->ranks)
        begin_sum(w, parameter, update);
    else if (last)
        step_by(w, parameter, update, summed ? t->sum : w->gradient, mean);
    w->taking_ns += px_now_ns() - start;
}

void px_weights_finish(struct px_weights *w, const struct px_update *update)
{
    int64_t start = px_now_ns();

    if (update->ranks)
        take_sums(w, update, true);
    w->taking_ns += px_now_ns() - start;
}
