#include "trainer/nn/parts/element.h"

#include <string.h>

PX_CLONES void px_elements_round(const float *from, size_t n, enum px_dtype dtype, void *to)
{
    if (dtype == PX_F32) {
        memcpy(to, from, n * sizeof *from);
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        px_store(to, i, from[i], true);
}

PX_INLINE void add(void *to, const void *from, size_t n, bool bf16)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        px_store(to, i, px_load(to, i, bf16) + px_load(from, i, bf16), bf16);
}

PX_CLONES void px_elements_add(void *to, const void *from, size_t n, enum px_dtype dtype)
{
    if (dtype == PX_BF16)
        add(to, from, n, true);
    else
        add(to, from, n, false);
}
