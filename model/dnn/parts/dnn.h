#ifndef MODEL_DNN_PARTS_DNN_H
#define MODEL_DNN_PARTS_DNN_H

/* What a px_dnn and a px_conv are made of, for those that call oneDNN: model/dnn/parts/dnn.c,
 * conv.c and conv_pack.c. */

#include <oneapi/dnnl/dnnl.h>

#include "model/dnn/blocked.h"
#include "model/dnn/conv.h"
#include "model/dnn/parts/relayout.h"

struct px_dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    void *scratch;
    size_t scratch_size;
    int threads;
};

struct px_conv {
    struct px_dnn *dnn; /* borrowed */
    struct px_conv_desc desc;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    dnnl_memory_t src, weights, bias, dst, scratch; /* views; pointers are set at each run */
    dnnl_memory_t scale;                            /* likewise, of int8 weights */
    struct px_relayout from_src, from_dst;          /* BACKWARD_WEIGHTS: copies that it reads */
    struct px_blocked *blocked;                     /* NULL: oneDNN's reorders do the packing */
    dnnl_memory_t plain;                            /* f32 [oc][ic][k][k], for those */
    dnnl_primitive_t pack, unpack;                  /* made when first used */
};

/* 0, NOMEM, or INTERNAL: oneDNN refused `what`. */
int px_dnn_check(dnnl_status_t status, const char *what, struct px_error *err);

/* Sees to it that the scratchpad has `size` bytes. It only ever grows; primitives of one px_dnn run
 * one after another and share it. */
int px_dnn_grow_scratch(struct px_dnn *dnn, size_t size, struct px_error *err);

/* The layout that the convolution wants its weights in. */
const_dnnl_memory_desc_t px_conv_weights_desc(const struct px_conv *conv);

#endif
