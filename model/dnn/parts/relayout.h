#ifndef MODEL_DNN_PARTS_RELAYOUT_H
#define MODEL_DNN_PARTS_RELAYOUT_H

/* Activations that a oneDNN primitive wants in another layout than nhwc, copied there before it
 * runs. Private to px_conv, whose backward by weights in f32 is up to three times as fast on
 * blocked channels; the copies take a tenth of what that saves. */

#include <stdbool.h>
#include <stddef.h>

#include <oneapi/dnnl/dnnl.h>

struct px_relayout {
    dnnl_memory_t from, to; /* views; pointers are set at each run */
    dnnl_primitive_t reorder;
    size_t bytes; /* of the copy */
};

/* Zeroed where both are the same layout, and nothing is to be copied. On failure,
 * px_relayout_clear() is still to be called. */
dnnl_status_t px_relayout_init(struct px_relayout *r, dnnl_engine_t engine,
                               const_dnnl_memory_desc_t from, const_dnnl_memory_desc_t to);
void px_relayout_clear(struct px_relayout *r);

/* Copies `data` to `copy`, both on a cache line, and gives the copy; or `data` itself. */
dnnl_status_t px_relayout_run(const struct px_relayout *r, dnnl_stream_t stream, void *data,
                              void *copy, void **result);

#endif
