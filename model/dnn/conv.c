#include "model/dnn/parts/dnn.h"

#include <stdlib.h>
#include <string.h>

/* Below this many multiply-adds even the `ref` implementation takes well under a millisecond, and
 * only toy networks (a few channels) have such layers; above it `ref` would be a silent 1000-fold
 * slowdown. */
static const double REF_ALLOWED_MACS = 4e6;

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

struct descs { /* memory descriptors of one convolution */
    dnnl_memory_desc_t src, weights, bias, dst;
};

static void free_descs(struct descs *d)
{
    dnnl_memory_desc_destroy(d->src);
    dnnl_memory_desc_destroy(d->weights);
    dnnl_memory_desc_destroy(d->bias);
    dnnl_memory_desc_destroy(d->dst);
}

static int output_size(const struct px_conv_desc *c, int size)
{
    return (size + 2 * c->pad - c->kernel) / c->stride + 1;
}

static dnnl_status_t make_descs(const struct px_conv_desc *c, dnnl_format_tag_t activations,
                                struct descs *d)
{
    const dnnl_dims_t src = {c->n, c->ic, c->ih, c->iw};
    const dnnl_dims_t weights = {c->oc, c->ic, c->kernel, c->kernel};
    const dnnl_dims_t bias = {c->oc};
    const dnnl_dims_t dst = {c->n, c->oc, output_size(c, c->ih), output_size(c, c->iw)};
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

/* The layout of the activations, or that oneDNN may choose it. Gradients by weights in f32 take 1.2
 * to 3 times as long on nhwc as on blocked channels; few channels are better on nhwc, and
 * everything else is as fast there. */
static dnnl_format_tag_t layout_of(const struct px_conv_desc *c)
{
    bool chooses =
        c->pass == PX_CONV_BACKWARD_WEIGHTS && c->src == PX_F32 && c->ic >= 16 && c->oc >= 16;

    return chooses ? dnnl_format_tag_any : dnnl_nhwc;
}

struct forward { /* what a forward convolution is made of */
    const struct px_conv_desc *desc;
    const struct descs *descs;
    dnnl_prop_kind_t kind;
    dnnl_primitive_attr_t attr;
};

static dnnl_status_t make_forward(dnnl_engine_t engine, const struct forward *f,
                                  dnnl_primitive_desc_t *pd)
{
    const struct px_conv_desc *c = f->desc;
    const struct descs *d = f->descs;
    const dnnl_dims_t strides = {c->stride, c->stride};
    const dnnl_dims_t dilates = {0, 0};
    const dnnl_dims_t pad = {c->pad, c->pad};

    return dnnl_convolution_forward_primitive_desc_create(
        pd, engine, f->kind, dnnl_convolution_direct, d->src, d->weights, d->bias, d->dst, strides,
        dilates, pad, pad, f->attr);
}

/* The forward convolution that a gradient belongs to: bf16 throughout where anything is, for there
 * is none from f32 to bf16, whatever the gradient's own types. */
static dnnl_status_t make_hint(dnnl_engine_t engine, const struct px_conv_desc *c,
                               dnnl_primitive_desc_t *hint)
{
    struct px_conv_desc like = *c;
    struct descs d = {0};

    like.src = like.weights = like.dst = c->src == PX_BF16 || c->dst == PX_BF16 ? PX_BF16 : PX_F32;
    const struct forward f = {&like, &d, dnnl_forward_training, NULL};
    dnnl_status_t s = make_descs(&like, layout_of(c), &d);
    if (s == dnnl_success)
        s = make_forward(engine, &f, hint);
    free_descs(&d);
    return s;
}

static dnnl_status_t make_pd(dnnl_engine_t engine, const struct px_conv_desc *c,
                             const struct descs *d, dnnl_primitive_desc_t *pd)
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

static const_dnnl_memory_desc_t query(const struct px_conv *conv, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(conv->pd, what, 0);
}

const_dnnl_memory_desc_t px_conv_weights_desc(const struct px_conv *conv)
{
    return query(conv, conv->desc.pass == PX_CONV_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md
                                                                   : dnnl_query_weights_md);
}

const char *px_conv_implementation(const struct px_conv *conv)
{
    const char *name = "?";

    dnnl_primitive_desc_query(conv->pd, dnnl_query_impl_info_str, 0, (void *)&name);
    return name;
}

/* The primitive's activations, which where they are not nhwc are copies. */
static dnnl_status_t make_activations(struct px_conv *conv, const struct descs *d)
{
    dnnl_engine_t engine = conv->dnn->engine;
    const_dnnl_memory_desc_t src = d->src, dst = d->dst;
    struct descs nhwc = {0};

    dnnl_status_t s = make_descs(&conv->desc, dnnl_nhwc, &nhwc);
    if (conv->desc.pass == PX_CONV_BACKWARD_WEIGHTS) {
        src = query(conv, dnnl_query_src_md);
        dst = query(conv, dnnl_query_diff_dst_md);
        if (s == dnnl_success)
            s = px_relayout_init(&conv->from_src, engine, nhwc.src, src);
        if (s == dnnl_success)
            s = px_relayout_init(&conv->from_dst, engine, nhwc.dst, dst);
    }
    if (s == dnnl_success)
        s = dnnl_memory_create(&conv->src, src, engine, DNNL_MEMORY_NONE);
    if (s == dnnl_success)
        s = dnnl_memory_create(&conv->dst, dst, engine, DNNL_MEMORY_NONE);
    free_descs(&nhwc);
    return s;
}

/* Where in the scratchpad the copies stand, behind what the primitive asks for. */
struct scratch {
    size_t src, dst, end;
};

static size_t whole_pages(size_t bytes)
{
    return (bytes + 4095) & ~(size_t)4095;
}

static struct scratch scratch_of(const struct px_conv *conv)
{
    size_t own = dnnl_memory_desc_get_size(query(conv, dnnl_query_scratchpad_md));
    size_t src = whole_pages(own), dst = src + whole_pages(conv->from_src.bytes);

    return (struct scratch){src, dst, dst + conv->from_dst.bytes};
}

static dnnl_status_t make_memory(const struct px_conv *conv, const struct descs *d,
                                 struct px_conv *into)
{
    const struct px_conv_desc *c = &conv->desc;
    dnnl_engine_t engine = conv->dnn->engine;
    const dnnl_dims_t dims = {c->oc, c->ic, c->kernel, c->kernel}, channels = {c->oc};
    dnnl_memory_desc_t plain = NULL, scale = NULL;

    dnnl_status_t s = make_activations(into, d);
    if (s == dnnl_success)
        s = dnnl_memory_create(&into->weights, px_conv_weights_desc(conv), engine,
                               DNNL_MEMORY_NONE);
    if (s == dnnl_success && c->bias)
        s = dnnl_memory_create(&into->bias, d->bias, engine, DNNL_MEMORY_NONE);
    if (s == dnnl_success)
        s = dnnl_memory_create(&into->scratch, query(conv, dnnl_query_scratchpad_md), engine,
                               DNNL_MEMORY_NONE);
    if (s == dnnl_success && c->weights == PX_S8)
        s = dnnl_memory_desc_create_with_tag(&scale, 1, channels, dnnl_f32, dnnl_a);
    if (s == dnnl_success && scale)
        s = dnnl_memory_create(&into->scale, scale, engine, DNNL_MEMORY_NONE);
    if (s == dnnl_success)
        s = dnnl_memory_desc_create_with_tag(&plain, 4, dims, dnnl_f32, dnnl_oihw);
    if (s == dnnl_success)
        s = dnnl_memory_create(&into->plain, plain, engine, DNNL_MEMORY_NONE);
    dnnl_memory_desc_destroy(plain);
    dnnl_memory_desc_destroy(scale);
    return s;
}

static int refuse_ref(const struct px_conv *conv, struct px_error *err)
{
    const struct px_conv_desc *c = &conv->desc;
    const char *name = px_conv_implementation(conv);
    double macs = (double)c->n * output_size(c, c->ih) * output_size(c, c->iw) * c->oc * c->ic *
                  c->kernel * c->kernel;

    if (!strstr(name, "ref") || macs <= REF_ALLOWED_MACS)
        return 0;
    return px_fail(err, PX_E_INTERNAL,
                   "oneDNN has only its slow '%s' for a convolution (pass %d, n %d, %dx%d, %d -> "
                   "%d channels, kernel %d, %s)",
                   name, (int)c->pass, c->n, c->ih, c->iw, c->ic, c->oc, c->kernel,
                   px_dtype_name(c->src));
}

int px_conv_create(struct px_conv **out, struct px_dnn *dnn, const struct px_conv_desc *desc,
                   struct px_error *err)
{
    struct descs d = {0};
    struct px_conv *conv = calloc(1, sizeof *conv);

    if (!conv)
        return px_fail(err, PX_E_NOMEM, "no memory for a convolution");
    if (desc->ih + 2 * desc->pad < desc->kernel || desc->iw + 2 * desc->pad < desc->kernel) {
        free(conv);
        return px_fail(err, PX_E_INVALID, "an input of %dx%d is too small for a %dx%d convolution",
                       desc->iw, desc->ih, desc->kernel, desc->kernel);
    }
    conv->dnn = dnn;
    conv->desc = *desc;
    int rc = px_dnn_check(make_descs(desc, layout_of(desc), &d), "a memory descriptor", err);
    if (!rc)
        rc = px_dnn_check(make_pd(dnn->engine, desc, &d, &conv->pd), "a convolution", err);
    if (!rc)
        rc = refuse_ref(conv, err);
    if (!rc)
        rc = px_dnn_check(dnnl_primitive_create(&conv->primitive, conv->pd), "a convolution kernel",
                          err);
    if (!rc)
        rc = px_dnn_check(make_memory(conv, &d, conv), "a memory object", err);
    if (!rc)
        rc = px_dnn_grow_scratch(dnn, scratch_of(conv).end, err);
    free_descs(&d);
    if (!rc && desc->weights != PX_S8) /* those carry sums besides, which only reorders make */
        conv->blocked = px_blocked_create(px_conv_weights_desc(conv));
    if (rc) {
        px_conv_destroy(conv);
        return rc;
    }
    *out = conv;
    return 0;
}

void px_conv_destroy(struct px_conv *conv)
{
    if (!conv)
        return;
    px_blocked_destroy(conv->blocked);
    dnnl_primitive_destroy(conv->pack);
    dnnl_primitive_destroy(conv->unpack);
    dnnl_primitive_destroy(conv->primitive);
    px_relayout_finish(&conv->from_src);
    px_relayout_finish(&conv->from_dst);
    dnnl_memory_destroy(conv->src);
    dnnl_memory_destroy(conv->weights);
    dnnl_memory_destroy(conv->bias);
    dnnl_memory_destroy(conv->dst);
    dnnl_memory_destroy(conv->scratch);
    dnnl_memory_destroy(conv->scale);
    dnnl_memory_destroy(conv->plain);
    dnnl_primitive_desc_destroy(conv->pd);
    free(conv);
}

/* Sets the views on the activations, copied where the primitive wants them otherwise. */
static dnnl_status_t set_activations(struct px_conv *conv, const struct px_conv_buffers *b)
{
    const struct scratch at = scratch_of(conv);
    dnnl_stream_t stream = conv->dnn->stream;
    char *scratch = conv->dnn->scratch;
    void *src = NULL, *dst = NULL;

    dnnl_status_t s = px_relayout_run(&conv->from_src, stream, b->src, scratch + at.src, &src);
    if (s == dnnl_success)
        s = px_relayout_run(&conv->from_dst, stream, b->dst, scratch + at.dst, &dst);
    dnnl_memory_set_data_handle(conv->src, src);
    dnnl_memory_set_data_handle(conv->dst, dst);
    return s;
}

int px_conv_run(struct px_conv *conv, const struct px_conv_buffers *b, struct px_error *err)
{
    static const struct {
        int src, weights, bias, dst;
    } names[] = {
        [PX_CONV_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST},
        [PX_CONV_BACKWARD_DATA] = {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, 0, DNNL_ARG_DIFF_DST},
        [PX_CONV_BACKWARD_WEIGHTS] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_BIAS,
                                      DNNL_ARG_DIFF_DST},
    };
    enum px_conv_pass pass = conv->desc.pass;
    int n = 4;

    int rc = px_dnn_check(set_activations(conv, b), "to copy activations", err);
    if (rc)
        return rc;
    dnnl_memory_set_data_handle(conv->weights, b->weights);
    dnnl_memory_set_data_handle(conv->scratch, conv->dnn->scratch);
    dnnl_exec_arg_t args[6] = {{names[pass].src, conv->src},
                               {names[pass].weights, conv->weights},
                               {names[pass].dst, conv->dst},
                               {DNNL_ARG_SCRATCHPAD, conv->scratch}};
    if (conv->desc.bias) {
        dnnl_memory_set_data_handle(conv->bias, b->bias);
        args[n++] = (dnnl_exec_arg_t){names[pass].bias, conv->bias};
    }
    if (conv->scale) {
        dnnl_memory_set_data_handle(conv->scale, b->scale);
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, conv->scale};
    }
    return px_dnn_check(dnnl_primitive_execute(conv->primitive, conv->dnn->stream, n, args),
                        "to run a convolution", err);
}
