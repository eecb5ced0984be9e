#ifndef MODEL_DNN_PARTS_RELAYOUT_H
#define MODEL_DNN_PARTS_RELAYOUT_H

/* Activations that a oneDNN primitive wants in a layout other than nhwc, copied to it before the
 * primitive runs. Private to px_conv, whose backward by weights in f32 is up to three times as fast
 * on blocked channels; the copies take a tenth of what that saves. */

#include <stdbool.h>
#include <stddef.h>

#include <oneapi/dnnl/dnnl.h>

struct px_relayout {
    dnnl_memory_t from, to; /* views; pointers are set at each run */
    dnnl_primitive_t reorder;
    size_t bytes; /* of the copy */
};

/* Zeroed if both layouts are the same and nothing has to be copied. px_relayout_clear() must
 * follow, on failure too. */
dnnl_status_t px_relayout_init(struct px_relayout *r, dnnl_engine_t engine,
                               const_dnnl_memory_desc_t from, const_dnnl_memory_desc_t to);
void px_relayout_clear(struct px_relayout *r);

/* Copies `data` to `copy`, both aligned to a cache line, and sets *result to the copy; or to `data`
 * if there is nothing to copy. */
dnnl_status_t px_relayout_run(const struct px_relayout *r, dnnl_stream_t stream, void *data,
                              void *copy, void **result);

#endif
