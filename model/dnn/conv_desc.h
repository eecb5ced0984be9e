#ifndef MODEL_DNN_CONV_DESC_H
#define MODEL_DNN_CONV_DESC_H

/* What a convolution computes, and from which memory. Plain data. */

#include <stdbool.h>

#include "model/network/dtype.h"

enum px_conv_pass {
    PX_CONV_FORWARD,       /* src, weights[, bias] -> dst */
    PX_CONV_BACKWARD_DATA, /* dst, weights -> src: also the forward of the transposed convolution */
    PX_CONV_BACKWARD_WEIGHTS, /* src, dst -> weights[, bias] (f32; overwritten, not accumulated) */
};

struct px_conv_desc {
    enum px_conv_pass pass;
    int n, ih, iw, ic, oc; /* of the (non-transposed) convolution: src is (n, ih, iw, ic) */
    /* Square; dst is (n, oh, ow, oc), oh = (ih + 2 pad - kernel) / stride + 1. */
    int kernel, stride, pad;
    /* PX_F32 or PX_BF16; FORWARD also with weights PX_S8 and src PX_S8 or PX_U8 */
    enum px_dtype src, weights, dst;
    bool bias; /* f32; FORWARD and BACKWARD_WEIGHTS only */
    bool relu; /* FORWARD: post-op x < 0 ? slope * x : x */
    float slope;
    int winograd; /* 0: each result by itself; else the side of the squares of results (with
                     BACKWARD_WEIGHTS: of their gradient) that are computed together with fewer
                     multiplications, as px_conv_winograd() says */
};

/* Buffers by role; which are read and which written follows from the pass. 64-byte alignment helps.
 */
struct px_conv_buffers {
    void *src, *weights, *bias, *dst;
    void *scale; /* f32 [oc], of int8 weights: the sum of products is multiplied with it, then the
                    bias added */
};

#endif
