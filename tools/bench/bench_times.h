#ifndef TOOLS_BENCH_BENCH_TIMES_H
#define TOOLS_BENCH_BENCH_TIMES_H

/* Summaries of many measurements of one thing. Both sort the list; count is at least 1. */

#include <stddef.h>

double px_bench_median(double *list, size_t count);

/* The least number that is not below `share` (0..1) of the list. */
double px_bench_quantile(double *list, size_t count, double share);

#endif
