#ifndef TOOLS_BENCH_PARTS_BENCH_CEILING_H
#define TOOLS_BENCH_PARTS_BENCH_CEILING_H

/* What this machine gives at most, measured beside the engine with the same threads: the two
 * numbers that bound a convolution. Called by the thread whose OpenMP team is to be measured. */

#include <stddef.h>

#include "base/error.h"
#include "model/network/dtype.h"

/* Floating point (or integer) operations a nanosecond, two for each multiply-add, of a matmul of
 * oneDNN of 1024 x 2048 x 2048: the median of two to ten runs. int8 is u8 times s8 to s32. 0
 * if oneDNN has no matmul of the type. NOMEM. */
int px_ceiling_gflops(enum px_dtype dtype, int threads, double *gflops, struct px_error *err);

/* Bytes a nanosecond that `threads` read together from a buffer of this size: the median of five
 * readings. NOMEM. */
int px_ceiling_bandwidth(size_t bytes, int threads, double *gb_per_s, struct px_error *err);

#endif
