#ifndef TOOLS_BENCH_BENCH_CASE_H
#define TOOLS_BENCH_BENCH_CASE_H

/* One case of `pix2pix bench`: engines on noise, several times, next to the most that the machine
 * can give. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/engine/engine.h"
#include "model/engine/layer_times.h"
#include "tools/work/stop.h"

enum { PX_BENCH_MAX_BATCH = 1024, PX_BENCH_MAX_WORKERS = 256 };

struct px_bench_case {
    int batch;   /* 1..PX_BENCH_MAX_BATCH */
    int side;    /* of the square pictures */
    int workers; /* 1..PX_BENCH_MAX_WORKERS engines at the same time, */
    int threads; /* each with as many threads of its own, one after another on the CPUs */
    enum px_norm_mode norm;
    size_t runs;                /* timed, at least 1 each, after three that are not */
    bool layers;                /* whether to time each layer, too */
    const struct px_stop *stop; /* borrowed; asked after each run */
};

struct px_bench_layer { /* ms a batch: medians of the first worker's runs */
    double convolution, statistics, pass;
    double gflop, weight_bytes; /* of a batch, as in struct px_layer_profile */
};

struct px_bench_result {
    double median, min, p90;   /* ms a batch, of all workers' runs; nine of ten took at most p90 */
    double images_per_s;       /* of all workers together, each by its median */
    double ceiling_gflops;     /* of all workers at the same time; see px_ceiling_gflops() */
    double bandwidth_gb_per_s; /* likewise */
    /* With layers: */
    double in; /* ms a batch: from the pictures to the first layer */
    struct px_bench_layer layers[PX_MAX_LAYERS];
    enum px_dtype dtypes[PX_MAX_LAYERS]; /* what the convolutions read */
    const char *algorithms[PX_MAX_LAYERS];
    char implementations[PX_MAX_LAYERS][48];
};

/* Failures: those of px_engine_create() and px_engine_run(), NOMEM, INTERRUPTED. */
int px_bench_run(struct px_model *model, const struct px_bench_case *one,
                 struct px_bench_result *result, struct px_error *err);

#endif
