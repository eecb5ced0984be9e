#ifndef MODEL_NETWORK_DTYPE_H
#define MODEL_NETWORK_DTYPE_H

/* Element types of tensors in files and of the engine's arithmetic. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum px_dtype {
    PX_DTYPE_AUTO, /* engine: the fastest that CPU and checkpoint allow (px_model_create()) */
    PX_F32,
    PX_BF16,
    PX_S8,  /* int8: quantised weights, and what they are multiplied with; also the engine's type */
    PX_U8,  /* the engine's only: what quantised weights are multiplied with after a ReLU */
    PX_F16, /* files only */
    PX_F64, /* files only */
    PX_I64, /* files only: num_batches_tracked */
};
#define PX_DTYPE_CHOICES "auto|f32|bf16|int8" /* the first four, for tables of options */

/* Bytes of one element; 0 for AUTO. */
size_t px_dtype_size(enum px_dtype dtype);
const char *px_dtype_name(enum px_dtype dtype); /* "auto" "f32" ... "i64" "int8" "uint8" */

static inline float px_bf16_to_f32(uint16_t b)
{
    uint32_t u = (uint32_t)b << 16;
    float f;

    memcpy(&f, &u, sizeof f);
    return f;
}

/* Rounds to nearest, ties to even; a NaN stays a (quiet) NaN. */
static inline uint16_t px_f32_to_bf16(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof u);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)((u >> 16) | 0x40u);
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

#endif
