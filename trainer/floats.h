#ifndef TRAINER_FLOATS_H
#define TRAINER_FLOATS_H

/* n floats, zeroed, on a cache line; free() them. NULL without memory. */

#include <stdlib.h>
#include <string.h>

static inline float *px_floats(size_t n)
{
    size_t bytes = (n * sizeof(float) + 63) & ~(size_t)63;
    float *f = aligned_alloc(64, bytes ? bytes : 64);

    if (f)
        memset(f, 0, bytes);
    return f;
}

#endif
