#ifndef MODEL_DNN_CONV_H
#define MODEL_DNN_CONV_H

/* Convolutions of oneDNN behind one small face: forward, backward by data, backward by weights,
 * nhwc activations, weights in whatever layout oneDNN likes best, user scratchpad. An
 * implementation named `ref` is refused when the primitive is made (it is up to 1000 times slower),
 * so what exists is fast.
 *
 * px_dnn is a thread's handle on oneDNN: engine, stream, scratchpad, thread count. A px_conv is
 * bound to the px_dnn it was made with; all of them serve one thread at a time, and never inside an
 * OpenMP region (oneDNN deadlocks or answers wrong there). Packed weights may be shared read-only
 * between the convolutions of several px_dnn where px_conv_has_layout() says so. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/network/dtype.h"

struct px_dnn;
struct px_conv;

/* threads >= 1: sets the calling thread's OpenMP team size, which primitives capture when made. */
int px_dnn_create(struct px_dnn **out, int threads, struct px_error *err);
void px_dnn_destroy(struct px_dnn *dnn); /* accepts NULL */
/* Whether convolutions of bf16 can be made on this CPU, forward and backward. Where they can they
 * may still be slower than f32's (px_cpu_is_fast_in_bf16). */
bool px_dnn_has_bf16(void);
/* Bytes of the shared scratchpad: the largest that any convolution made so far asked for. */
size_t px_dnn_scratch_size(const struct px_dnn *dnn);

enum px_conv_pass {
    PX_CONV_FORWARD,       /* src, weights[, bias] -> dst */
    PX_CONV_BACKWARD_DATA, /* dst, weights -> src: also the forward of the transposed convolution */
    PX_CONV_BACKWARD_WEIGHTS, /* src, dst -> weights[, bias] (f32; overwritten, not accumulated) */
};

struct px_conv_desc {
    enum px_conv_pass pass;
    int n, ih, iw, ic, oc; /* of the (non-transposed) convolution: src is (n, ih, iw, ic) */
    int kernel, stride,
        pad; /* square; dst is (n, oh, ow, oc), oh = (ih + 2 pad - kernel) / stride + 1 */
    /* PX_F32 or PX_BF16; FORWARD also with weights PX_S8 and src PX_S8 or PX_U8 */
    enum px_dtype src, weights, dst;
    bool bias; /* f32; FORWARD and BACKWARD_WEIGHTS only */
    bool relu; /* FORWARD: post-op x < 0 ? slope * x : x */
    float slope;
};

int px_conv_create(struct px_conv **out, struct px_dnn *dnn, const struct px_conv_desc *desc,
                   struct px_error *err);
void px_conv_destroy(struct px_conv *conv); /* accepts NULL */

/* Bytes of the weights in this convolution's own (packed) layout. */
size_t px_conv_weights_size(const struct px_conv *conv);

/* The layout of a convolution's weights, to know packed weights by when the convolution that packed
 * them is gone. NULL where there is no memory. */
struct px_conv_layout;
struct px_conv_layout *px_conv_layout_create(const struct px_conv *conv);
void px_conv_layout_destroy(struct px_conv_layout *layout); /* accepts NULL */
bool px_conv_has_layout(const struct px_conv *conv, const struct px_conv_layout *layout);

/* Plain f32 weights [oc][ic][kernel][kernel] -> packed, converted to desc.weights; for int8 they
 * are whole numbers from -127 to 127. */
int px_conv_pack(struct px_conv *conv, const float *plain, void *packed, struct px_error *err);
/* Packed (BACKWARD_WEIGHTS: the f32 gradient) -> plain f32. */
int px_conv_unpack(struct px_conv *conv, const void *packed, float *plain, struct px_error *err);

enum px_dtype px_conv_weights_dtype(const struct px_conv *conv);

/* Where each weight stands in the packed layout; the caller destroys it (model/dnn/blocked.h). NULL
 * where only oneDNN can tell, or there is no memory. */
struct px_blocked *px_conv_order(const struct px_conv *conv);

/* Buffers by role; which are read and which written follows from the pass. 64-byte alignment helps.
 */
struct px_conv_buffers {
    void *src, *weights, *bias, *dst;
    void *scale; /* f32 [oc], of int8 weights: the sum of products is multiplied with it, then the
                    bias added */
};
int px_conv_run(struct px_conv *conv, const struct px_conv_buffers *buffers, struct px_error *err);

/* oneDNN's name of the implementation, for tests and error messages. */
const char *px_conv_implementation(const struct px_conv *conv);

#endif
