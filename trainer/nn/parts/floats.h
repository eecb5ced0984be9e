#ifndef TRAINER_NN_PARTS_FLOATS_H
#define TRAINER_NN_PARTS_FLOATS_H

/* Arrays on a cache line, zeroed; free() them. NULL without memory. */

#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "model/network/dtype.h"

/* n elements of f32 or bf16. */
static inline void *px_elements(size_t n, enum px_dtype dtype)
{
    size_t bytes = (n * px_dtype_size(dtype) + 63) & ~(size_t)63;
    void *p = px_large_alloc(bytes ? bytes : 64);

    if (p)
        memset(p, 0, bytes);
    return p;
}

static inline float *px_floats(size_t n)
{
    return px_elements(n, PX_F32);
}

#endif
