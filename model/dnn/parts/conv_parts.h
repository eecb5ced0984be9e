#ifndef MODEL_DNN_PARTS_CONV_PARTS_H
#define MODEL_DNN_PARTS_CONV_PARTS_H

/* What a px_conv is made of: for model/dnn/conv.c, conv_pack.c and parts/conv_make.c. */

#include <oneapi/dnnl/dnnl.h>

#include "model/dnn/blocked.h"
#include "model/dnn/conv.h"
#include "model/dnn/parts/dnn_parts.h"
#include "model/dnn/parts/relayout.h"
#include "model/dnn/parts/winograd.h"
#include "model/dnn/parts/winograd_gradient.h"

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
    dnnl_primitive_t pack, unpack;                  /* created when first used */
    /* With desc.winograd one of these two, and of the others only dnn, desc and blocked. */
    struct px_winograd *winograd;
    struct px_winograd_gradient *gradient;
    dnnl_memory_desc_t winograd_weights; /* what identifies their layout */
};

/* The layout that the convolution wants its weights in. */
const_dnnl_memory_desc_t px_conv_weights_desc(const struct px_conv *conv);

/* The rest is in parts/conv_make.c: from a description to oneDNN's. */

struct px_conv_descs {
    dnnl_memory_desc_t src, weights, bias, dst;
};

/* Activations in the layout of the tag, weights in any. On failure px_conv_descs_clear() must
 * follow, too. */
dnnl_status_t px_conv_descs_init(struct px_conv_descs *d, const struct px_conv_desc *c,
                                 dnnl_format_tag_t activations);
void px_conv_descs_clear(struct px_conv_descs *d);

/* The layout for the activations: nhwc, or any if oneDNN may choose. */
dnnl_format_tag_t px_conv_activations_tag(const struct px_conv_desc *c);

dnnl_status_t px_conv_make_pd(dnnl_engine_t engine, const struct px_conv_desc *c,
                              const struct px_conv_descs *d, dnnl_primitive_desc_t *pd);

/* The height of dst from that of src, or the width. */
int px_conv_output_side(const struct px_conv_desc *c, int side);

#endif
