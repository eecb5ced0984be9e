#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"

/* Whether any element of an array of floating-point numbers is NaN or infinite: their exponents
 * have all bits set. Compilers make vector code of the loops. */

static bool any_bad_16(const uint8_t *data, size_t count, uint16_t exponent)
{
    uint16_t bad = 0;

    for (size_t i = 0; i < count; i++) {
        uint16_t u;
        memcpy(&u, data + sizeof u * i, sizeof u);
        bad |= (u & exponent) == exponent;
    }
    return bad;
}

static bool any_bad_f32(const uint8_t *data, size_t count)
{
    uint32_t bad = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t u;
        memcpy(&u, data + sizeof u * i, sizeof u);
        bad |= (u & 0x7f800000u) == 0x7f800000u;
    }
    return bad;
}

static bool any_bad(const struct px_tensor *tensor, size_t begin, size_t count)
{
    const uint8_t *data = (const uint8_t *)tensor->data + begin * px_dtype_size(tensor->dtype);

    switch (tensor->dtype) {
    case PX_F32:
        return any_bad_f32(data, count);
    case PX_BF16:
        return any_bad_16(data, count, 0x7f80u);
    case PX_F16:
        return any_bad_16(data, count, 0x7c00u);
    case PX_F64: /* computed with as f32, where larger ones become infinite */
        for (size_t i = 0; i < count; i++) {
            double value;
            memcpy(&value, data + sizeof value * i, sizeof value);
            if (!isfinite((float)value))
                return true;
        }
        return false;
    default:
        return false;
    }
}

/* The first bad element at or after `begin`, among `count`: halves until one is left. */
static size_t find_bad(const struct px_tensor *tensor, size_t begin, size_t count)
{
    while (count > 1) {
        size_t half = count / 2;
        if (any_bad(tensor, begin, half)) {
            count = half;
        } else {
            begin += half;
            count -= half;
        }
    }
    return begin;
}

/* "[0, 2, 1, 3]" of the element with that number; the number itself of a vector. */
static void format_place(char *text, size_t room, const struct px_tensor *tensor, size_t element)
{
    size_t strides[PX_TENSOR_DIMS];
    size_t stride = 1;
    size_t n = 0;

    for (int i = tensor->ndim; i-- > 0;) {
        strides[i] = stride;
        stride *= (size_t)tensor->shape[i];
    }
    text[0] = 0;
    for (int i = 0; i < tensor->ndim && n < room; i++) {
        n += (size_t)snprintf(text + n, room - n, "%s%zu", i ? ", " : "", element / strides[i]);
        element %= strides[i];
    }
}

static int refuse_value(const struct px_tensor *tensor, size_t element, const char *what,
                        struct px_error *err)
{
    char place[128];

    format_place(place, sizeof place, tensor, element);
    return px_fail(
        err, PX_E_FORMAT,
        "tensor '%.130s' holds %s at [%s]: the training diverged or the file is damaged; "
        "use a checkpoint of an earlier epoch",
        tensor->name, what, place);
}

static double value_at(const struct px_tensor *tensor, size_t element)
{
    struct px_tensor one = *tensor;
    float value;

    one.ndim = 0;
    one.data = (const uint8_t *)tensor->data + element * px_dtype_size(tensor->dtype);
    px_tensor_to_f32(&one, &value);
    return (double)value;
}

int px_checkpoint_check_finite(const struct px_tensor *tensor, struct px_error *err)
{
    const size_t count = px_tensor_count(tensor);

    if (!any_bad(tensor, 0, count))
        return 0;
    size_t element = find_bad(tensor, 0, count);
    double value = value_at(tensor, element);
    return refuse_value(tensor, element,
                        isnan(value) ? "NaN"
                        : value > 0  ? "infinity"
                                     : "-infinity",
                        err);
}
