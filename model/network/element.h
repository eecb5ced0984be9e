#ifndef MODEL_NETWORK_ELEMENT_H
#define MODEL_NETWORK_ELEMENT_H

/* Elements of arrays of f32 or bf16 in kernels that compute in f32: widened when read, rounded to
 * nearest (ties to even) when written.
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

#endif
