#include "tools/bench/bench_times.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double px_bench_median(double *list, size_t count)
{
    qsort(list, count, sizeof *list, by_value);
    return (list[(count - 1) / 2] + list[count / 2]) / 2;
}

double px_bench_quantile(double *list, size_t count, double share)
{
    qsort(list, count, sizeof *list, by_value);
    return list[(size_t)((double)(count - 1) * share)];
}
