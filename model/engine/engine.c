#include "model/engine/engine.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "model/dnn/cpu.h"
#include "model/engine/capacity.h"
#include "model/engine/parts/model_parts.h"
#include "model/engine/parts/plan.h"

static const size_t DEFAULT_MEMORY = (size_t)512 << 20;

struct cached { /* a plan; the list begins with the one used last */
    struct cached *next;
    struct px_model *model; /* a reference */
    struct px_shape shape;
    size_t bytes;
    struct px_plan *plan;
};

struct px_engine {
    int threads;
    size_t memory_limit, memory;
    struct px_cpu_team team;
    bool team_started;
    pthread_t owner;
    struct px_dnn *dnn;
    struct cached *plans;
    struct px_plan_watch watch; /* borrowed */
};

int px_engine_create(struct px_engine **out, const struct px_engine_options *options,
                     struct px_error *err)
{
    struct px_engine *engine = calloc(1, sizeof *engine);

    if (!engine)
        return px_fail(err, PX_E_NOMEM, "no memory for an engine");
    engine->threads = options->threads > 0 ? options->threads : px_cpu_count();
    engine->memory_limit = options->memory_limit ? options->memory_limit : DEFAULT_MEMORY;
    engine->owner = pthread_self();
    int rc = px_dnn_create(&engine->dnn, engine->threads, err);
    if (!rc) {
        rc = px_cpu_team_start(&engine->team, engine->threads, options->first_cpu, err);
        engine->team_started = true;
    }
    if (rc) {
        px_engine_destroy(engine);
        return rc;
    }
    *out = engine;
    return 0;
}

static void drop(struct px_engine *engine, struct cached **link)
{
    struct cached *cached = *link;

    *link = cached->next;
    engine->memory -= cached->bytes;
    px_plan_destroy(cached->plan);
    px_model_unref(cached->model);
    free(cached);
}

void px_engine_destroy(struct px_engine *engine)
{
    if (!engine)
        return;
    while (engine->plans)
        drop(engine, &engine->plans);
    px_dnn_destroy(engine->dnn);
    if (engine->team_started)
        px_cpu_team_stop(&engine->team);
    free(engine);
}

void px_engine_profile(struct px_engine *engine, struct px_layer_times *times)
{
    engine->watch.times = times;
}

void px_engine_observe(struct px_engine *engine, const struct px_observer *observer)
{
    engine->watch.observer = observer;
}

size_t px_engine_memory(const struct px_engine *engine)
{
    return engine->memory + px_dnn_scratch_size(engine->dnn);
}

void px_engine_forget(struct px_engine *engine, const struct px_model *model)
{
    struct cached **link = &engine->plans;

    while (*link)
        if ((*link)->model == model)
            drop(engine, link);
        else
            link = &(*link)->next;
}

static void drop_oldest(struct px_engine *engine)
{
    struct cached **link = &engine->plans;

    while ((*link)->next)
        link = &(*link)->next;
    drop(engine, link);
}

/* With no plan left the scratchpad starts anew: it never shrinks, and the last picture may have
 * been a large one. */
static int shed_scratch(struct px_engine *engine, struct px_error *err)
{
    struct px_dnn *fresh;

    if (engine->plans || px_dnn_scratch_size(engine->dnn) == 0)
        return 0;
    int rc = px_dnn_create(&fresh, engine->threads, err);
    if (rc)
        return rc;
    px_dnn_destroy(engine->dnn);
    engine->dnn = fresh;
    return 0;
}

static int insert_plan(struct px_engine *engine, struct px_model *model,
                       const struct px_shape *shape, size_t bytes, struct px_error *err)
{
    const struct px_plan_desc desc = px_model_plan(model, shape, engine->threads);
    struct cached *cached = malloc(sizeof *cached);

    if (!cached)
        return px_fail(err, PX_E_NOMEM, "no memory for a plan");
    *cached = (struct cached){.shape = *shape, .bytes = bytes};
    int rc = px_plan_create(&cached->plan, engine->dnn, &desc, err);
    if (rc) {
        free(cached);
        return rc;
    }
    cached->model = px_model_ref(model);
    cached->next = engine->plans;
    engine->plans = cached;
    engine->memory += bytes;
    return 0;
}

int px_engine_limit(struct px_engine *engine, size_t bytes, struct px_error *err)
{
    engine->memory_limit = bytes;
    while (engine->plans && px_engine_memory(engine) > bytes)
        drop_oldest(engine);
    return shed_scratch(engine, err);
}

/* A new plan at the head of the list; older ones go until everything fits the limit. Only oneDNN
 * knows how large its scratchpad gets, and only when the convolutions are made. */
static int add_plan(struct px_engine *engine, struct px_model *model, const struct px_shape *shape,
                    struct px_error *err)
{
    const struct px_capacity capacity = {engine->threads, engine->memory_limit};
    const size_t limit = engine->memory_limit;
    size_t bytes = px_capacity_needed(model, engine->threads, shape);

    if (bytes > limit)
        return px_capacity_refuse(model, &capacity, shape, 0, err);
    while (engine->plans && px_engine_memory(engine) > limit - bytes)
        drop_oldest(engine);
    int rc = shed_scratch(engine, err);
    if (!rc)
        rc = insert_plan(engine, model, shape, bytes, err);
    if (rc)
        return rc;
    while (engine->plans->next && px_engine_memory(engine) > limit)
        drop_oldest(engine);
    size_t scratch = px_dnn_scratch_size(engine->dnn);
    if (px_engine_memory(engine) <= limit)
        return 0;
    drop(engine, &engine->plans);
    assert(!engine->plans && engine->memory == 0);
    rc = shed_scratch(engine, err);
    return rc ? rc : px_capacity_refuse(model, &capacity, shape, scratch, err);
}

static bool same_shape(const struct px_shape *a, const struct px_shape *b)
{
    return a->n == b->n && a->height == b->height && a->width == b->width &&
           a->running == b->running;
}

/* Puts the plan for the shape first in the list: finds it, or makes it. */
static int use_plan(struct px_engine *engine, struct px_model *model, const struct px_shape *shape,
                    struct px_error *err)
{
    for (struct cached **link = &engine->plans; *link; link = &(*link)->next) {
        struct cached *c = *link;

        if (c->model != model || !same_shape(&c->shape, shape))
            continue;
        *link = c->next;
        c->next = engine->plans;
        engine->plans = c;
        return 0;
    }
    return add_plan(engine, model, shape, err);
}

static int check_batch(const struct px_engine *engine, const struct px_model *model,
                       const struct px_batch *batch, struct px_error *err)
{
    const struct px_network *network = px_model_network(model);
    int multiple = px_network_multiple(network), smallest = px_network_min_side(network);

    if (!pthread_equal(engine->owner, pthread_self()))
        return px_fail(err, PX_E_INTERNAL, "an engine serves the thread that created it");
    if (batch->n < 1)
        return px_fail(err, PX_E_INVALID, "a batch of %d pictures", batch->n);
    if (batch->height < smallest || batch->width < smallest || batch->height % multiple != 0 ||
        batch->width % multiple != 0)
        return px_fail(err, PX_E_INVALID,
                       "a picture of %dx%d: this network needs multiples of %d, at least %d",
                       batch->width, batch->height, multiple, smallest);
    return px_model_check_norm(model, batch->norm, err);
}

int px_engine_prepare(struct px_engine *engine, struct px_model *model,
                      const struct px_batch *batch, struct px_error *err)
{
    const struct px_shape shape = {
        .n = batch->n,
        .height = batch->height,
        .width = batch->width,
        /* The two modes differ for batch norm only. */
        .running = batch->norm == PX_TEST_RUNNING && px_model_network(model)->norm == PX_NORM_BATCH,
    };

    int rc = check_batch(engine, model, batch, err);

    return rc ? rc : use_plan(engine, model, &shape, err);
}

int px_engine_run(struct px_engine *engine, struct px_model *model, const struct px_batch *batch,
                  struct px_error *err)
{
    assert(!batch->in == !batch->out && !batch->in_f32 == !batch->out_f32);
    assert(!batch->in != !batch->in_f32);
    int rc = px_engine_prepare(engine, model, batch, err);

    return rc ? rc : px_plan_run(engine->plans->plan, batch, &engine->watch, err);
}
