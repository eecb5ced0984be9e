#ifndef TOOLS_BENCH_CASE_H
#define TOOLS_BENCH_CASE_H

/* One case of `pix2pix bench`: the engine on noise, several times. */

#include <stddef.h>

#include "base/error.h"
#include "model/engine.h"

enum { PX_BENCH_MAX_BATCH = 1024 };

struct px_bench_case {
    int batch;           /* 1..PX_BENCH_MAX_BATCH */
    int side;            /* of the square pictures */
    int threads;         /* of the engine: only told, not set here */
    enum px_dtype dtype; /* of the model: likewise */
    enum px_norm_mode norm;
    size_t runs; /* timed, at least 1, after three that are not */
};

struct px_bench_times { /* ms a batch; p90: nine of ten runs took at most this */
    double median, min, p90;
};

/* Failures: those of px_engine_run(), NOMEM, INTERRUPTED. */
int px_bench_run(struct px_engine *engine, struct px_model *model, const struct px_bench_case *one,
                 struct px_bench_times *result, struct px_error *err);

#endif
