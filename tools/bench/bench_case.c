#include "tools/bench/bench_case.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "tools/bench/bench_times.h"
#include "tools/bench/parts/bench_ceiling.h"

enum { WARM_UP = 3 };

/* What all workers read together to measure the bandwidth: more than any cache holds. */
static const size_t READ_BYTES = (size_t)256 << 20;

struct shared {
    const struct px_bench_case *one;
    struct px_model *model;
    struct px_bench_result *result; /* the first worker writes the names of the layers there */
    pthread_mutex_t gate;           /* closed while the workers are made */
    bool abandoned;                 /* behind the gate: not all of them could be */
    pthread_barrier_t barrier;
    atomic_int timed; /* workers that still are */
};

struct bench_worker { /* an engine and its thread */
    struct shared *shared;
    pthread_t thread;
    int index;
    int rc;
    struct px_error err;
    struct px_engine *engine;
    double *times;                   /* runs, ms */
    struct px_layer_times *profiles; /* runs; NULL: not requested */
    double gflops, gb_per_s;         /* the ceilings of this worker */
    uint8_t *in, *out;               /* pictures of noise, one after another */
    const uint8_t **ins;             /* batch pointers */
    uint8_t **outs;
};

static int make_pictures(struct bench_worker *w)
{
    const struct px_bench_case *one = w->shared->one;
    const struct px_network *network = px_model_network(w->shared->model);
    size_t side = (size_t)one->side, batch = (size_t)one->batch;
    size_t in = side * side * (size_t)network->input_nc; /* at most 2^28 * 64 */
    size_t out = side * side * (size_t)network->output_nc;
    struct px_random random;

    w->in = calloc(batch, in);
    w->out = calloc(batch, out);
    w->ins = calloc(batch, sizeof *w->ins);
    w->outs = calloc(batch, sizeof *w->outs);
    w->times = calloc(one->runs, sizeof *w->times);
    if (one->layers && w->index == 0)
        w->profiles = calloc(one->runs, sizeof *w->profiles);
    if (!w->in || !w->out || !w->ins || !w->outs || !w->times ||
        (one->layers && w->index == 0 && !w->profiles))
        return px_fail(&w->err, PX_E_NOMEM, "no memory for %d runs with %d pictures of %dx%d",
                       (int)one->runs, one->batch, one->side, one->side);
    px_random_seed(&random, 1);
    for (size_t i = 0; i < batch * in; i++)
        w->in[i] = (uint8_t)(px_random_next(&random) >> 56);
    for (size_t i = 0; i < batch; i++) {
        w->ins[i] = w->in + i * in;
        w->outs[i] = w->out + i * out;
    }
    return 0;
}

/* The ceilings are measured with the engine's team on its CPUs, all workers at the same time. */
static int measure_bandwidth(struct bench_worker *w)
{
    const struct px_bench_case *one = w->shared->one;

    return px_ceiling_bandwidth(READ_BYTES / (size_t)one->workers, one->threads, &w->gb_per_s,
                                &w->err);
}

/* Done before and after the engine's runs: the better one counts. */
static int measure_gflops(struct bench_worker *w)
{
    double before = w->gflops;
    int rc = px_ceiling_gflops(px_model_dtype(w->shared->model), w->shared->one->threads,
                               &w->gflops, &w->err);

    w->gflops = fmax(w->gflops, before);
    return rc;
}

static int run_once(struct bench_worker *w)
{
    const struct px_bench_case *one = w->shared->one;
    const struct px_batch batch = {.n = one->batch,
                                   .height = one->side,
                                   .width = one->side,
                                   .norm = one->norm,
                                   .in = w->ins,
                                   .out = w->outs};
    int rc = px_engine_run(w->engine, w->shared->model, &batch, &w->err);

    return rc ? rc : px_stop_check(one->stop, &w->err);
}

/* Copies what outlives the engine's plans. */
static void describe_layers(struct px_bench_result *result, const struct px_layer_times *profile,
                            int layers)
{
    for (int i = 0; i < layers; i++) {
        const struct px_layer_profile *layer = &profile->layers[i];

        result->dtypes[i] = layer->dtype;
        result->layers[i].gflop = layer->gflop;
        result->layers[i].weight_bytes = layer->weight_bytes;
        result->algorithms[i] = layer->algorithm;
        snprintf(result->implementations[i], sizeof result->implementations[i], "%s",
                 layer->implementation);
    }
}

static int prepare(struct bench_worker *w)
{
    const struct px_bench_case *one = w->shared->one;
    const struct px_engine_options options = {.threads = one->threads,
                                              .first_cpu = w->index * one->threads};
    int rc = px_engine_create(&w->engine, &options, &w->err);

    return rc ? rc : make_pictures(w);
}

static int warm_up(struct bench_worker *w)
{
    int rc = 0;

    for (int i = 0; i < WARM_UP && !rc; i++)
        rc = run_once(w);
    return rc;
}

/* The timed runs. Finished workers keep running, so that all are timed under equal load; workers
 * that failed before are finished at once. */
static void time_runs(struct bench_worker *w)
{
    for (size_t i = 0; i < w->shared->one->runs && !w->rc; i++) {
        if (w->profiles)
            px_engine_profile(w->engine, &w->profiles[i]);
        int64_t start = px_now_ns();
        w->rc = run_once(w);
        w->times[i] = px_ms_since(start);
    }
    if (!w->rc && w->profiles) {
        describe_layers(w->shared->result, &w->profiles[0],
                        px_model_network(w->shared->model)->layer_count);
        px_engine_profile(w->engine, NULL);
    }
    atomic_fetch_sub(&w->shared->timed, 1);
    while (!w->rc && atomic_load(&w->shared->timed) > 0)
        w->rc = run_once(w);
}

/* One step of a worker's work; all workers begin it together, and those that failed only wait. */
static void in_step(struct bench_worker *w, int (*step)(struct bench_worker *))
{
    pthread_barrier_wait(&w->shared->barrier);
    if (!w->rc)
        w->rc = step(w);
}

static bool is_abandoned(struct shared *shared)
{
    pthread_mutex_lock(&shared->gate);
    bool abandoned = shared->abandoned;
    pthread_mutex_unlock(&shared->gate);
    return abandoned;
}

static void *work(void *argument)
{
    struct bench_worker *w = argument;

    if (is_abandoned(w->shared))
        return NULL;
    in_step(w, prepare);
    in_step(w, measure_bandwidth);
    in_step(w, measure_gflops);
    in_step(w, warm_up);
    pthread_barrier_wait(&w->shared->barrier);
    time_runs(w);
    in_step(w, measure_gflops);
    px_engine_destroy(w->engine);
    return NULL;
}

/* The median of one number of every run's profile, `at` bytes from its beginning, in ms. */
static double median_of(const struct bench_worker *w, size_t at, double *list)
{
    size_t runs = w->shared->one->runs;

    for (size_t i = 0; i < runs; i++) {
        const char *field = (const char *)&w->profiles[i] + at;
        list[i] = (double)*(const int64_t *)(const void *)field * 1e-6;
    }
    return px_bench_median(list, runs);
}

/* `list` has room for one number a run. */
static void summarise_layers(const struct bench_worker *w, double *list,
                             struct px_bench_result *result)
{
    const size_t each = sizeof(struct px_layer_profile);

    result->in = median_of(w, offsetof(struct px_layer_times, in_ns), list);
    for (int i = 0; i < px_model_network(w->shared->model)->layer_count; i++) {
        size_t at = offsetof(struct px_layer_times, layers) + (size_t)i * each;
        struct px_bench_layer *ms = &result->layers[i];
        ms->convolution =
            median_of(w, at + offsetof(struct px_layer_profile, convolution_ns), list);
        ms->statistics = median_of(w, at + offsetof(struct px_layer_profile, statistics_ns), list);
        ms->pass = median_of(w, at + offsetof(struct px_layer_profile, pass_ns), list);
    }
}

static int summarise(struct bench_worker *workers, struct px_bench_result *result,
                     struct px_error *err)
{
    const struct px_bench_case *one = workers->shared->one;
    size_t runs = one->runs, count = runs * (size_t)one->workers;
    double *all = calloc(count, sizeof *all);

    if (!all)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu times", count);
    if (one->layers)
        summarise_layers(&workers[0], all, result);
    for (int i = 0; i < one->workers; i++) {
        struct bench_worker *w = &workers[i];

        memcpy(all + (size_t)i * runs, w->times, runs * sizeof *all);
        result->images_per_s += one->batch * 1e3 / px_bench_median(w->times, runs);
        result->ceiling_gflops += w->gflops;
        result->bandwidth_gb_per_s += w->gb_per_s;
    }
    result->median = px_bench_median(all, count); /* which sorts */
    result->min = all[0];
    result->p90 = px_bench_quantile(all, count, 0.9);
    free(all);
    return 0;
}

static int run_workers(struct shared *shared, struct bench_worker *workers, struct px_error *err)
{
    int count = shared->one->workers, made = 0, rc = 0;

    assert(count > 0);
    pthread_mutex_lock(&shared->gate);
    for (; made < count && !rc; made += !rc) {
        workers[made].shared = shared;
        workers[made].index = made;
        rc = pthread_create(&workers[made].thread, NULL, work, &workers[made]);
    }
    shared->abandoned = rc != 0;
    pthread_mutex_unlock(&shared->gate);
    for (int i = 0; i < made; i++)
        pthread_join(workers[i].thread, NULL);
    if (rc)
        return px_fail(err, PX_E_NOMEM, "cannot start %d threads: %s", count, strerror(rc));
    for (int i = 0; i < count; i++)
        if (workers[i].rc) {
            *err = workers[i].err;
            return workers[i].rc;
        }
    return summarise(workers, shared->result, err);
}

int px_bench_run(struct px_model *model, const struct px_bench_case *one,
                 struct px_bench_result *result, struct px_error *err)
{
    struct shared shared = {.one = one, .model = model, .result = result};
    struct bench_worker *workers = calloc((size_t)one->workers, sizeof *workers);

    if (!workers)
        return px_fail(err, PX_E_NOMEM, "no memory for %d workers", one->workers);
    memset(result, 0, sizeof *result);
    pthread_mutex_init(&shared.gate, NULL);
    pthread_barrier_init(&shared.barrier, NULL, (unsigned)one->workers);
    atomic_init(&shared.timed, one->workers);
    int rc = run_workers(&shared, workers, err);
    for (int i = 0; i < one->workers; i++) {
        free(workers[i].in);
        free(workers[i].out);
        free(workers[i].ins);
        free(workers[i].outs);
        free(workers[i].times);
        free(workers[i].profiles);
    }
    free(workers);
    pthread_barrier_destroy(&shared.barrier);
    pthread_mutex_destroy(&shared.gate);
    return rc;
}
