#ifndef MODEL_DNN_CONV_H
#define MODEL_DNN_CONV_H

/* Convolutions of oneDNN behind one small face: forward, backward by data, backward by weights;
 * activations are nhwc, weights in whatever layout oneDNN likes best. An implementation named `ref`
 * is refused when the convolution is created (it is up to 1000 times slower), so what exists is
 * fast.
 *
 * A px_conv is bound to the px_dnn that it was created with, and serves one thread at a time, like
 * it (model/dnn/dnn.h). Packed weights may be shared read-only between the convolutions of several
 * px_dnn if px_conv_has_layout() says so. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/dnn/dnn.h"
#include "model/network/dtype.h"

struct px_conv;

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
};

/* INVALID if the input is smaller than the kernel, NOMEM, INTERNAL if oneDNN refuses or has only
 * `ref`. */
int px_conv_create(struct px_conv **out, struct px_dnn *dnn, const struct px_conv_desc *desc,
                   struct px_error *err);
void px_conv_destroy(struct px_conv *conv); /* accepts NULL */

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

/* The functions from here on are in conv_pack.c. */

/* Bytes of the weights in this convolution's own (packed) layout, and their type. */
size_t px_conv_weights_size(const struct px_conv *conv);
enum px_dtype px_conv_weights_dtype(const struct px_conv *conv);

/* The layout of a convolution's weights, which identifies packed weights when the convolution that
 * packed them is gone. NULL if there is no memory. */
struct px_conv_layout;
struct px_conv_layout *px_conv_layout_create(const struct px_conv *conv);
void px_conv_layout_destroy(struct px_conv_layout *layout); /* accepts NULL */
bool px_conv_has_layout(const struct px_conv *conv, const struct px_conv_layout *layout);

/* Plain f32 weights [oc][ic][kernel][kernel] -> packed, converted to desc.weights; for int8 they
 * are whole numbers from -127 to 127. */
int px_conv_pack(struct px_conv *conv, const float *plain, void *packed, struct px_error *err);
/* Packed (BACKWARD_WEIGHTS: the f32 gradient) -> plain f32. */
int px_conv_unpack(struct px_conv *conv, const void *packed, float *plain, struct px_error *err);

/* Where each weight is in the packed layout; the caller destroys it (model/dnn/blocked.h). NULL if
 * only oneDNN knows, or there is no memory. */
struct px_blocked *px_conv_create_blocked(const struct px_conv *conv);

#endif
