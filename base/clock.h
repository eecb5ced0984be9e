#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Monotonic time in nanoseconds; only differences mean anything. */

#include <stdint.h>
#include <time.h>

static inline int64_t px_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline double px_ms_since(int64_t start_ns)
{
    return (double)(px_now_ns() - start_ns) * 1e-6;
}

#endif
