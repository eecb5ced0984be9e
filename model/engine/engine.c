#include "model/engine/engine.h"

#include <pthread.h>
#include <stdlib.h>

#include "model/dnn/cpu.h"
#include "model/engine/parts/model.h"

static const size_t DEFAULT_MEMORY = (size_t)512 << 20;

struct cached { /* a plan; the list begins with the one used last */
    struct cached *next;
    struct px_model *model; /* a reference */
    int n, height, width;
    bool running;
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
    struct px_layer_times *profile;     /* borrowed, or NULL */
    const struct px_observer *observer; /* likewise */
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

void px_engine_profile(struct px_engine *engine, struct px_layer_times *profile)
{
    engine->profile = profile;
}

void px_engine_observe(struct px_engine *engine, const struct px_observer *observer)
{
    engine->observer = observer;
}

size_t px_engine_memory(const struct px_engine *engine)
{
    return engine->memory + px_dnn_scratch_size(engine->dnn);
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

static int insert_plan(struct px_engine *engine, struct px_model *model, const struct cached *key,
                       const struct px_plan_desc *desc, struct px_error *err)
{
    struct cached *cached = malloc(sizeof *cached);

    if (!cached)
        return px_fail(err, PX_E_NOMEM, "no memory for a plan");
    *cached = *key;
    int rc = px_plan_create(&cached->plan, engine->dnn, desc, err);
    if (rc) {
        free(cached);
        return rc;
    }
    cached->model = px_model_ref(model);
    cached->next = engine->plans;
    engine->plans = cached;
    engine->memory += cached->bytes;
    return 0;
}

/* A new plan at the head of the list; older ones leave until all fits the limit. Only oneDNN knows
 * how large its scratchpad gets, and only when the convolutions are made. */
static int add_plan(struct px_engine *engine, struct px_model *model, struct cached *key,
                    struct px_error *err)
{
    const struct px_capacity room = {engine->threads, engine->memory_limit};
    const struct px_shape shape = {key->n, key->height, key->width, key->running};
    const struct px_plan_desc desc = px_model_plan(model, &shape, engine->threads);
    size_t limit = engine->memory_limit;

    key->bytes = px_capacity_needed(model, engine->threads, &shape);
    if (key->bytes > limit)
        return px_capacity_refuse(model, &room, &shape, 0, err);
    while (engine->plans && px_engine_memory(engine) > limit - key->bytes)
        drop_oldest(engine);
    int rc = shed_scratch(engine, err);
    if (!rc)
        rc = insert_plan(engine, model, key, &desc, err);
    if (rc)
        return rc;
    while (engine->plans->next && px_engine_memory(engine) > limit)
        drop_oldest(engine);
    size_t scratch = px_dnn_scratch_size(engine->dnn);
    if (px_engine_memory(engine) <= limit)
        return 0;
    drop(engine, &engine->plans);
    rc = shed_scratch(engine, err);
    return rc ? rc : px_capacity_refuse(model, &room, &shape, scratch, err);
}

/* Puts the plan for the batch first in the list: finds it, or makes it. */
static int use_plan(struct px_engine *engine, struct px_model *model, struct cached *key,
                    struct px_error *err)
{
    for (struct cached **link = &engine->plans; *link; link = &(*link)->next) {
        struct cached *c = *link;

        if (c->model != model || c->n != key->n || c->height != key->height ||
            c->width != key->width || c->running != key->running)
            continue;
        *link = c->next;
        c->next = engine->plans;
        engine->plans = c;
        return 0;
    }
    return add_plan(engine, model, key, err);
}

static int check_batch(const struct px_engine *engine, const struct px_model *model,
                       const struct cached *key, struct px_error *err)
{
    const struct px_network *network = px_model_network(model);
    int multiple = px_network_multiple(network), least = px_network_min_side(network);

    if (!pthread_equal(engine->owner, pthread_self()))
        return px_fail(err, PX_E_INTERNAL, "an engine serves the thread that created it");
    if (key->n < 1)
        return px_fail(err, PX_E_INVALID, "a batch of %d pictures", key->n);
    if (key->height < least || key->width < least || key->height % multiple != 0 ||
        key->width % multiple != 0)
        return px_fail(err, PX_E_INVALID,
                       "a picture of %dx%d: this network needs multiples of %d from %d on",
                       key->width, key->height, multiple, least);
    return 0;
}

static int run(struct px_engine *engine, struct px_model *model, const struct px_plan_io *io,
               enum px_norm_mode norm, struct px_error *err)
{
    struct cached key = {
        .n = io->pictures.n,
        .height = io->pictures.height,
        .width = io->pictures.width,
        /* The two modes differ for batch norm only. */
        .running = norm == PX_TEST_RUNNING && px_model_network(model)->norm == PX_NORM_BATCH,
    };
    int rc = check_batch(engine, model, &key, err);

    if (!rc)
        rc = px_model_check_norm(model, norm, err);
    if (!rc)
        rc = use_plan(engine, model, &key, err);
    if (!rc)
        rc = px_plan_run(engine->plans->plan, io, err);
    return rc;
}

int px_engine_run(struct px_engine *engine, struct px_model *model, const struct px_batch *batch,
                  struct px_error *err)
{
    struct px_plan_io io = {.pictures = {.n = batch->n,
                                         .height = batch->height,
                                         .width = batch->width,
                                         .in_u8 = batch->in,
                                         .out_u8 = batch->out},
                            .dropout = batch->dropout,
                            .seeds = batch->seeds,
                            .profile = engine->profile,
                            .observer = engine->observer};

    return run(engine, model, &io, batch->norm, err);
}

int px_engine_run_f32(struct px_engine *engine, struct px_model *model,
                      const struct px_batch_f32 *batch, struct px_error *err)
{
    struct px_plan_io io = {.pictures = {.n = batch->n,
                                         .height = batch->height,
                                         .width = batch->width,
                                         .in_f32 = batch->in,
                                         .out_f32 = batch->out},
                            .dropout = batch->dropout,
                            .seeds = batch->seeds,
                            .profile = engine->profile,
                            .observer = engine->observer};

    return run(engine, model, &io, batch->norm, err);
}
