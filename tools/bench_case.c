#include "tools/bench_case.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "tools/stop.h"

enum { WARM_UP = 3 };

/* Pictures of noise: one block of `batch` inputs, one of outputs. */
struct pictures {
    uint8_t *in, *out;
    const uint8_t *ins[PX_BENCH_MAX_BATCH];
    uint8_t *outs[PX_BENCH_MAX_BATCH];
};

static int make_pictures(struct pictures *p, const struct px_network *network, int batch,
                         size_t side, struct px_error *err)
{
    size_t in = side * side * (size_t)network->input_nc; /* at most 2^28 * 64 */
    size_t out = side * side * (size_t)network->output_nc;
    struct px_random random;

    p->in = calloc((size_t)batch, in);
    p->out = calloc((size_t)batch, out);
    if (!p->in || !p->out)
        return px_fail(err, PX_E_NOMEM, "no memory for %d pictures of %zux%zu", batch, side, side);
    px_random_seed(&random, 1);
    for (size_t i = 0; i < (size_t)batch * in; i++)
        p->in[i] = (uint8_t)(px_random_next(&random) >> 56);
    for (int i = 0; i < batch; i++) {
        p->ins[i] = p->in + (size_t)i * in;
        p->outs[i] = p->out + (size_t)i * out;
    }
    return 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void summarise(double *times, size_t runs, struct px_bench_times *result)
{
    qsort(times, runs, sizeof *times, by_value);
    result->min = times[0];
    result->median = (times[(runs - 1) / 2] + times[runs / 2]) / 2;
    result->p90 = times[(runs - 1) * 9 / 10];
}

static int time_runs(struct px_engine *engine, struct px_model *model, const struct px_batch *batch,
                     size_t runs, double *times, struct px_error *err)
{
    for (size_t i = 0; i < WARM_UP + runs; i++) {
        int64_t start = px_now_ns();
        int rc = px_engine_run(engine, model, batch, err);
        if (!rc)
            rc = px_stop_check(err);
        if (rc)
            return rc;
        if (i >= WARM_UP)
            times[i - WARM_UP] = px_ms_since(start);
    }
    return 0;
}

static int run_pictures(struct px_engine *engine, struct px_model *model,
                        const struct px_bench_case *one, double *times, struct px_error *err)
{
    struct pictures *pictures = calloc(1, sizeof *pictures);

    if (!pictures)
        return px_fail(err, PX_E_NOMEM, "no memory for the lists of pictures");
    const struct px_batch batch = {.n = one->batch,
                                   .height = one->side,
                                   .width = one->side,
                                   .norm = one->norm,
                                   .in = pictures->ins,
                                   .out = pictures->outs};
    int rc = make_pictures(pictures, px_model_network(model), one->batch, (size_t)one->side, err);
    if (!rc)
        rc = time_runs(engine, model, &batch, one->runs, times, err);
    free(pictures->in);
    free(pictures->out);
    free(pictures);
    return rc;
}

int px_bench_run(struct px_engine *engine, struct px_model *model, const struct px_bench_case *one,
                 struct px_bench_times *result, struct px_error *err)
{
    double *times = calloc(one->runs, sizeof *times);
    int rc;

    if (!times)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu times", one->runs);
    rc = run_pictures(engine, model, one, times, err);
    if (!rc)
        summarise(times, one->runs, result);
    free(times);
    return rc;
}
