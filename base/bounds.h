#ifndef BASE_BOUNDS_H
#define BASE_BOUNDS_H

/* The smaller and the larger of two sizes, named by what a limit does. */

#include <stddef.h>

static inline size_t px_at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

static inline size_t px_at_least(size_t n, size_t limit)
{
    return n > limit ? n : limit;
}

#endif
