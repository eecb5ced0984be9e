#ifndef MODEL_NETWORK_TENSOR_H
#define MODEL_NETWORK_TENSOR_H

/* A named tensor as a checkpoint stores it: C order, little-endian, no strides. Only a view: name
 * and data belong to the mapped file or trainer that it comes from. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/network/dtype.h"

enum { PX_TENSOR_DIMS = 8 };

struct px_tensor {
    const char *name;
    enum px_dtype dtype;
    int ndim;
    int64_t shape[PX_TENSOR_DIMS];
    const void *data;
    size_t bytes; /* product of shape * px_dtype_size(dtype) */
};

/* The number of elements. */
size_t px_tensor_count(const struct px_tensor *tensor);

/* Converts the elements to f32, int8 without a scale; `out` holds px_tensor_count() floats. The
 * data need not be aligned. */
void px_tensor_to_f32(const struct px_tensor *tensor, float *out);

/* Turns a view into one of another type, PX_F32 or PX_BF16, whose data is *owned, malloc'ed; the
 * caller frees it. NOMEM; then the view is unchanged. */
int px_tensor_convert(struct px_tensor *tensor, enum px_dtype dtype, void **owned,
                      struct px_error *err);

#endif
