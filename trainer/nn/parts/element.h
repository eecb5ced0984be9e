#ifndef TRAINER_NN_PARTS_ELEMENT_H
#define TRAINER_NN_PARTS_ELEMENT_H

/* Activations and their gradients are arrays of f32 or bf16. Arithmetic on them is f32: an element
 * is widened when it is read and rounded to nearest (ties to even) when it is written.
 *
 * A kernel is written once, over elements of either type; `bf16` is a constant where it is inlined,
 * so that the compiler makes a loop for each. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/simd.h"
#include "model/network/dtype.h"

PX_INLINE float px_load(const void *data, size_t i, bool bf16)
{
    return bf16 ? px_bf16_to_f32(((const uint16_t *)data)[i]) : ((const float *)data)[i];
}

PX_INLINE void px_store(void *data, size_t i, float value, bool bf16)
{
    if (bf16)
        ((uint16_t *)data)[i] = px_f32_to_bf16(value);
    else
        ((float *)data)[i] = value;
}

/* The i-th element's address; NULL stays NULL. */
static inline void *px_element(const void *data, size_t i, enum px_dtype dtype)
{
    return data ? (char *)(uintptr_t)data + i * px_dtype_size(dtype) : NULL;
}

/* to = from, n elements. */
void px_elements_round(const float *from, size_t n, enum px_dtype dtype, void *to);
/* to += from, n elements. */
void px_elements_add(void *to, const void *from, size_t n, enum px_dtype dtype);

#endif
