#ifndef MODEL_DNN_PARTS_DNN_PARTS_H
#define MODEL_DNN_PARTS_DNN_PARTS_H

/* What a px_dnn is made of, for the code that calls oneDNN. */

#include <oneapi/dnnl/dnnl.h>

#include "model/dnn/dnn.h"

struct px_dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    void *scratch;
    size_t scratch_size;
    int threads;
};

/* 0, NOMEM, or INTERNAL: oneDNN refused `what`. */
int px_dnn_check(dnnl_status_t status, const char *what, struct px_error *err);

/* Makes sure that the scratchpad has `size` bytes. It only ever grows; primitives of one px_dnn run
 * one after another and share it. */
int px_dnn_grow_scratch(struct px_dnn *dnn, size_t size, struct px_error *err);

#endif
