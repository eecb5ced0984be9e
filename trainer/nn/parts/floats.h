#ifndef TRAINER_NN_PARTS_FLOATS_H
#define TRAINER_NN_PARTS_FLOATS_H

/* Arrays of whole cache lines, zeroed; free() them. NULL without memory. */

#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "model/network/dtype.h"

static inline void *px_zeros(size_t bytes)
{
    size_t lines = (bytes + 63) & ~(size_t)63;
    void *p = px_large_alloc(lines ? lines : 64);

    if (p)
        memset(p, 0, lines);
    return p;
}

/* n elements of f32 or bf16. */
static inline void *px_elements(size_t n, enum px_dtype dtype)
{
    return px_zeros(n * px_dtype_size(dtype));
}

static inline float *px_floats(size_t n)
{
    return px_elements(n, PX_F32);
}

#endif
