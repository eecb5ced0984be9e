#include "model/dnn/parts/conv_parts.h"

static dnnl_data_type_t data_type(enum px_dtype dtype)
{
    switch (dtype) {
    case PX_BF16:
        return dnnl_bf16;
    case PX_S8:
        return dnnl_s8;
    case PX_U8:
        return dnnl_u8;
    default:
        return dnnl_f32;
    }
}

void px_conv_descs_clear(struct px_conv_descs *d)
{
    dnnl_memory_desc_destroy(d->src);
    dnnl_memory_desc_destroy(d->weights);
    dnnl_memory_desc_destroy(d->bias);
    dnnl_memory_desc_destroy(d->dst);
}

int px_conv_output_side(const struct px_conv_desc *c, int size)
{
    return (size + 2 * c->pad - c->kernel) / c->stride + 1;
}

dnnl_status_t px_conv_descs_init(struct px_conv_descs *d, const struct px_conv_desc *c,
                                 dnnl_format_tag_t activations)
{
    const dnnl_dims_t src = {c->n, c->ic, c->ih, c->iw};
    const dnnl_dims_t weights = {c->oc, c->ic, c->kernel, c->kernel};
    const dnnl_dims_t bias = {c->oc};
    const dnnl_dims_t dst = {c->n, c->oc, px_conv_output_side(c, c->ih),
                             px_conv_output_side(c, c->iw)};
    dnnl_status_t s;

    s = dnnl_memory_desc_create_with_tag(&d->src, 4, src, data_type(c->src), activations);
    if (s == dnnl_success)
        s = dnnl_memory_desc_create_with_tag(&d->weights, 4, weights, data_type(c->weights),
                                             dnnl_format_tag_any);
    if (s == dnnl_success && c->bias)
        s = dnnl_memory_desc_create_with_tag(&d->bias, 1, bias, dnnl_f32, dnnl_a);
    if (s == dnnl_success)
        s = dnnl_memory_desc_create_with_tag(&d->dst, 4, dst, data_type(c->dst), activations);
    return s;
}

static dnnl_status_t make_attr(const struct px_conv_desc *c, dnnl_primitive_attr_t *attr)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(attr);

    if (s == dnnl_success)
        s = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success) /* whatever ONEDNN_DEFAULT_FPMATH_MODE says */
        s = dnnl_primitive_attr_set_fpmath_mode(*attr, dnnl_fpmath_mode_strict);
    if (s == dnnl_success && c->weights == PX_S8) /* one for each output channel */
        s = dnnl_primitive_attr_set_scales_mask(*attr, DNNL_ARG_WEIGHTS, 1 << 0);
    if (s != dnnl_success || !c->relu)
        return s;
    s = dnnl_post_ops_create(&ops);
    if (s == dnnl_success)
        s = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, c->slope, 0.0f);
    if (s == dnnl_success)
        s = dnnl_primitive_attr_set_post_ops(*attr, ops);
    dnnl_post_ops_destroy(ops);
    return s;
}

/* Gradients by weights in f32 take 1.2 to 3 times as long on nhwc as on blocked channels; few
 * channels are better on nhwc, and everything else is as fast there. */
dnnl_format_tag_t px_conv_activations_tag(const struct px_conv_desc *c)
{
    bool chooses =
        c->pass == PX_CONV_BACKWARD_WEIGHTS && c->src == PX_F32 && c->ic >= 16 && c->oc >= 16;

    return chooses ? dnnl_format_tag_any : dnnl_nhwc;
}

struct forward { /* what a forward convolution is made of */
    const struct px_conv_desc *desc;
    const struct px_conv_descs *descs;
    dnnl_prop_kind_t kind;
    dnnl_primitive_attr_t attr;
};

static dnnl_status_t make_forward(dnnl_engine_t engine, const struct forward *f,
                                  dnnl_primitive_desc_t *pd)
{
    const struct px_conv_desc *c = f->desc;
    const struct px_conv_descs *d = f->descs;
    const dnnl_dims_t strides = {c->stride, c->stride};
    const dnnl_dims_t dilates = {0, 0};
    const dnnl_dims_t pad = {c->pad, c->pad};

    return dnnl_convolution_forward_primitive_desc_create(
        pd, engine, f->kind, dnnl_convolution_direct, d->src, d->weights, d->bias, d->dst, strides,
        dilates, pad, pad, f->attr);
}

/* The forward convolution that a gradient belongs to: bf16 throughout if anything is, whatever the
 * gradient's own types, because oneDNN has none from f32 to bf16. */
static dnnl_status_t make_hint(dnnl_engine_t engine, const struct px_conv_desc *c,
                               dnnl_primitive_desc_t *hint)
{
    struct px_conv_desc like = *c;
    struct px_conv_descs d = {0};

    like.src = like.weights = like.dst = c->src == PX_BF16 || c->dst == PX_BF16 ? PX_BF16 : PX_F32;
    const struct forward f = {&like, &d, dnnl_forward_training, NULL};
    dnnl_status_t s = px_conv_descs_init(&d, &like, px_conv_activations_tag(c));
    if (s == dnnl_success)
        s = make_forward(engine, &f, hint);
    px_conv_descs_clear(&d);
    return s;
}

dnnl_status_t px_conv_make_pd(dnnl_engine_t engine, const struct px_conv_desc *c,
                              const struct px_conv_descs *d, dnnl_primitive_desc_t *pd)
{
    const dnnl_dims_t strides = {c->stride, c->stride};
    const dnnl_dims_t dilates = {0, 0};
    const dnnl_dims_t pad = {c->pad, c->pad};
    struct forward forward = {c, d, dnnl_forward_inference, NULL};
    dnnl_primitive_desc_t hint = NULL;

    dnnl_status_t s = make_attr(c, &forward.attr);
    if (s == dnnl_success)
        s = c->pass == PX_CONV_FORWARD ? make_forward(engine, &forward, pd)
                                       : make_hint(engine, c, &hint);
    if (s == dnnl_success && c->pass == PX_CONV_BACKWARD_DATA)
        s = dnnl_convolution_backward_data_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, d->src, d->weights, d->dst, strides, dilates, pad,
            pad, hint, forward.attr);
    if (s == dnnl_success && c->pass == PX_CONV_BACKWARD_WEIGHTS)
        s = dnnl_convolution_backward_weights_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, d->src, d->weights, d->bias, d->dst, strides,
            dilates, pad, pad, hint, forward.attr);
    dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_attr_destroy(forward.attr);
    return s;
}
