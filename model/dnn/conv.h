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
#include "model/dnn/conv_desc.h"
#include "model/dnn/dnn.h"

struct px_conv;

/* The side that is fastest for a convolution on this CPU, or 0; desc->winograd is not read. Depends
 * neither on desc->n nor on threads. f32 only. The results are as exact as those of 0 within a
 * small factor: the root mean square of the error is at most twice that of a sum in f32. */
int px_conv_winograd(const struct px_conv_desc *desc);
/* The same in training, where weights are packed anew for each run; any pass. */
int px_conv_winograd_training(const struct px_conv_desc *desc);

/* INVALID if the input is smaller than the kernel or desc->winograd does not suit it, NOMEM,
 * INTERNAL if oneDNN refuses or has only `ref`. */
int px_conv_create(struct px_conv **out, struct px_dnn *dnn, const struct px_conv_desc *desc,
                   struct px_error *err);
void px_conv_destroy(struct px_conv *conv); /* accepts NULL */

int px_conv_run(struct px_conv *conv, const struct px_conv_buffers *buffers, struct px_error *err);

/* The name of the implementation, oneDNN's or "winograd 3x3:avx2"; for tests and messages. */
const char *px_conv_implementation(const struct px_conv *conv);

/* What a run cannot do without, as the implementation computes it. */
struct px_conv_work {
    double gflop;        /* 10^9 products and sums; none with pixels of the border. With
                            desc.winograd the products of transformed squares, but for
                            BACKWARD_WEIGHTS */
    double weight_bytes; /* of the packed weights: all but those that meet the border only */
};
struct px_conv_work px_conv_work_of(const struct px_conv *conv); /* in conv_work.c */

/* The functions from here on are in conv_pack.c. */

/* Bytes of the weights in this convolution's own (packed) layout, and their type. */
size_t px_conv_weights_size(const struct px_conv *conv);
enum px_dtype px_conv_weights_dtype(const struct px_conv *conv);

/* The same before there is a convolution, without oneDNN's padding. */
size_t px_conv_weights_expected(const struct px_conv_desc *desc);

/* The layout of a convolution's weights, which identifies packed weights when the convolution that
 * packed them is gone. NULL if there is no memory. */
struct px_conv_layout;
struct px_conv_layout *px_conv_layout_create(const struct px_conv *conv);
void px_conv_layout_destroy(struct px_conv_layout *layout); /* accepts NULL */
bool px_conv_has_layout(const struct px_conv *conv, const struct px_conv_layout *layout);

/* Plain f32 weights [oc][ic][kernel][kernel] -> packed, converted to desc.weights; for int8 they
 * are whole numbers from -127 to 127. */
int px_conv_pack(struct px_conv *conv, const float *plain, void *packed, struct px_error *err);
/* Weights that another convolution packed, for the same layer and in the same type -> packed.
 * INTERNAL if oneDNN cannot reorder them, or one of the two has desc.winograd. */
int px_conv_repack(struct px_conv *conv, const struct px_conv_layout *layout, const void *from,
                   void *packed, struct px_error *err);
/* Packed (BACKWARD_WEIGHTS: the f32 gradient) -> plain f32. With desc.winograd gradients only. */
int px_conv_unpack(struct px_conv *conv, const void *packed, float *plain, struct px_error *err);

/* Where each weight is in the packed layout; the caller destroys it (model/dnn/blocked.h). NULL if
 * only oneDNN knows, or there is no memory. */
struct px_blocked *px_conv_create_blocked(const struct px_conv *conv);

#endif
