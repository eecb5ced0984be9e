#include "model/network/tensor.h"

#include <assert.h>
#include <stdlib.h>

size_t px_tensor_count(const struct px_tensor *tensor)
{
    size_t count = 1;

    for (int i = 0; i < tensor->ndim; i++)
        count *= (size_t)tensor->shape[i];
    return count;
}

/* IEEE 754 binary16 to binary32; exact, a NaN keeps its payload's upper bits. */
static float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = (h >> 10) & 0x1fu;
    uint32_t fraction = h & 0x3ffu;
    uint32_t u;
    float f;

    if (exponent == 0) { /* zero or denormal: fraction * 2^-24 */
        f = (float)fraction * 0x1p-24f;
        return sign ? -f : f;
    }
    if (exponent == 31) /* infinity or NaN */
        u = sign | 0x7f800000u | fraction << 13;
    else
        u = sign | (exponent + 127 - 15) << 23 | fraction << 13;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* The loops load by memcpy because a foreign writer need not align the data; compilers make
 * vector loads of it. */

static void from_16_bits(const uint8_t *data, size_t count, float (*convert)(uint16_t), float *out)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t h;
        memcpy(&h, data + 2 * i, sizeof h);
        out[i] = convert(h);
    }
}

static void from_f64(const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        double d;
        memcpy(&d, data + 8 * i, sizeof d);
        out[i] = (float)d; /* IEEE 754: too large becomes an infinity */
    }
}

static void from_i64(const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        int64_t v;
        memcpy(&v, data + 8 * i, sizeof v);
        out[i] = (float)v;
    }
}

static void from_s8(const int8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)data[i];
}

void px_tensor_to_f32(const struct px_tensor *tensor, float *out)
{
    size_t count = px_tensor_count(tensor);

    if (count == 0)
        return; /* an empty tensor's data may be NULL */
    switch (tensor->dtype) {
    case PX_F32:
        memcpy(out, tensor->data, count * sizeof *out);
        break;
    case PX_BF16:
        from_16_bits(tensor->data, count, px_bf16_to_f32, out);
        break;
    case PX_F16:
        from_16_bits(tensor->data, count, f16_to_f32, out);
        break;
    case PX_F64:
        from_f64(tensor->data, count, out);
        break;
    case PX_I64:
        from_i64(tensor->data, count, out);
        break;
    case PX_S8:
        from_s8(tensor->data, count, out);
        break;
    case PX_U8: /* no tensor of a file has them */
    case PX_DTYPE_AUTO:
        break;
    }
}

int px_tensor_convert(struct px_tensor *tensor, enum px_dtype dtype, void **owned,
                      struct px_error *err)
{
    assert(dtype == PX_F32 || dtype == PX_BF16);
    size_t count = px_tensor_count(tensor);
    float *values = malloc(count * sizeof *values + 1); /* never of 0 bytes */

    if (!values)
        return px_fail(err, PX_E_NOMEM, "no memory to convert %zu elements", count);
    px_tensor_to_f32(tensor, values);
    *owned = values;
    if (dtype == PX_BF16) { /* in place: element i never lies behind float i */
        for (size_t i = 0; i < count; i++) {
            uint16_t b = px_f32_to_bf16(values[i]);
            memcpy((uint8_t *)values + 2 * i, &b, sizeof b);
        }
        void *smaller = realloc(values, count * sizeof(uint16_t) + 1);
        if (smaller)
            *owned = smaller;
    }
    tensor->dtype = dtype;
    tensor->bytes = count * px_dtype_size(dtype);
    tensor->data = *owned;
    return 0;
}
