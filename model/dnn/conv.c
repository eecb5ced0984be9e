#include "model/dnn/parts/conv_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Below this many multiply-adds even the `ref` implementation takes well under a millisecond, and
 * only toy networks (a few channels) have such layers; above it `ref` would be a silent 1000-fold
 * slowdown. */
static const double REF_ALLOWED_MACS = 4e6;

int px_conv_winograd(const struct px_conv_desc *desc)
{
    return px_winograd_choose(desc);
}

int px_conv_winograd_training(const struct px_conv_desc *desc)
{
    return px_winograd_choose_training(desc);
}

static const_dnnl_memory_desc_t query(const struct px_conv *conv, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(conv->pd, what, 0);
}

const_dnnl_memory_desc_t px_conv_weights_desc(const struct px_conv *conv)
{
    if (conv->winograd_weights)
        return conv->winograd_weights;
    return query(conv, conv->desc.pass == PX_CONV_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md
                                                                   : dnnl_query_weights_md);
}

const char *px_conv_implementation(const struct px_conv *conv)
{
    const char *name = "?";

    if (conv->winograd)
        return px_winograd_name(conv->winograd);
    if (conv->gradient)
        return px_winograd_gradient_name(conv->gradient);
    dnnl_primitive_desc_query(conv->pd, dnnl_query_impl_info_str, 0, (void *)&name);
    return name;
}

/* The primitive's activations; those that are not nhwc are copies. */
static dnnl_status_t make_activations(struct px_conv *conv, const struct px_conv_descs *d)
{
    dnnl_engine_t engine = conv->dnn->engine;
    const_dnnl_memory_desc_t src = d->src, dst = d->dst;
    struct px_conv_descs nhwc = {0};

    dnnl_status_t s = px_conv_descs_init(&nhwc, &conv->desc, dnnl_nhwc);
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
    px_conv_descs_clear(&nhwc);
    return s;
}

/* Where the copies are in the scratchpad: behind what the primitive asks for. */
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

static dnnl_status_t make_memory(struct px_conv *conv, const struct px_conv_descs *d)
{
    const struct px_conv_desc *c = &conv->desc;
    dnnl_engine_t engine = conv->dnn->engine;
    const dnnl_dims_t dims = {c->oc, c->ic, c->kernel, c->kernel}, channels = {c->oc};
    dnnl_memory_desc_t plain = NULL, scale = NULL;

    dnnl_status_t s = make_activations(conv, d);
    if (s == dnnl_success)
        s = dnnl_memory_create(&conv->weights, px_conv_weights_desc(conv), engine,
                               DNNL_MEMORY_NONE);
    if (s == dnnl_success && c->bias)
        s = dnnl_memory_create(&conv->bias, d->bias, engine, DNNL_MEMORY_NONE);
    if (s == dnnl_success)
        s = dnnl_memory_create(&conv->scratch, query(conv, dnnl_query_scratchpad_md), engine,
                               DNNL_MEMORY_NONE);
    if (s == dnnl_success && c->weights == PX_S8)
        s = dnnl_memory_desc_create_with_tag(&scale, 1, channels, dnnl_f32, dnnl_a);
    if (s == dnnl_success && scale)
        s = dnnl_memory_create(&conv->scale, scale, engine, DNNL_MEMORY_NONE);
    if (s == dnnl_success)
        s = dnnl_memory_desc_create_with_tag(&plain, 4, dims, dnnl_f32, dnnl_oihw);
    if (s == dnnl_success)
        s = dnnl_memory_create(&conv->plain, plain, engine, DNNL_MEMORY_NONE);
    dnnl_memory_desc_destroy(plain);
    dnnl_memory_desc_destroy(scale);
    return s;
}

static int refuse_ref(const struct px_conv *conv, struct px_error *err)
{
    const struct px_conv_desc *c = &conv->desc;
    const char *name = px_conv_implementation(conv);
    double macs = (double)c->n * px_conv_output_side(c, c->ih) * px_conv_output_side(c, c->iw) *
                  c->oc * c->ic * c->kernel * c->kernel;

    if (!strstr(name, "ref") || macs <= REF_ALLOWED_MACS)
        return 0;
    return px_fail(err, PX_E_INTERNAL,
                   "oneDNN has only its slow '%s' for a convolution (pass %d, n %d, %dx%d, %d -> "
                   "%d channels, kernel %d, %s)",
                   name, (int)c->pass, c->n, c->ih, c->iw, c->ic, c->oc, c->kernel,
                   px_dtype_name(c->src));
}

/* With oneDNN. */
static int make_direct(struct px_conv *conv, struct px_error *err)
{
    const struct px_conv_desc *desc = &conv->desc;
    struct px_dnn *dnn = conv->dnn;
    struct px_conv_descs d = {0};

    int rc = px_dnn_check(px_conv_descs_init(&d, desc, px_conv_activations_tag(desc)),
                          "a memory descriptor", err);
    if (!rc)
        rc = px_dnn_check(px_conv_make_pd(dnn->engine, desc, &d, &conv->pd), "a convolution", err);
    if (!rc)
        rc = refuse_ref(conv, err);
    if (!rc)
        rc = px_dnn_check(dnnl_primitive_create(&conv->primitive, conv->pd), "a convolution kernel",
                          err);
    if (!rc)
        rc = px_dnn_check(make_memory(conv, &d), "a memory object", err);
    if (!rc)
        rc = px_dnn_grow_scratch(dnn, scratch_of(conv).end, err);
    px_conv_descs_clear(&d);
    if (!rc)
        conv->blocked = px_conv_create_blocked(conv);
    return rc;
}

static int make_winograd(struct px_conv *conv, struct px_error *err)
{
    int rc = px_winograd_create(&conv->winograd, &conv->desc, conv->dnn->threads, err);

    if (rc)
        return rc;
    const struct px_winograd_layout layout = px_winograd_layout(conv->winograd);
    const dnnl_dims_t dims = {(dnnl_dim_t)layout.elements, (dnnl_dim_t)layout.depth,
                              (dnnl_dim_t)layout.columns};
    rc = px_dnn_check(
        dnnl_memory_desc_create_with_tag(&conv->winograd_weights, 3, dims, dnnl_f32, dnnl_abc),
        "a memory descriptor", err);
    return rc ? rc : px_dnn_grow_scratch(conv->dnn, px_winograd_scratch(conv->winograd), err);
}

static int make_gradient(struct px_conv *conv, struct px_error *err)
{
    const struct px_conv_desc *c = &conv->desc;
    const dnnl_dims_t dims = {c->oc, c->ic, c->kernel, c->kernel};
    int rc = px_winograd_gradient_create(&conv->gradient, c, conv->dnn->threads, err);

    if (!rc)
        rc = px_dnn_check(dnnl_memory_desc_create_with_tag(&conv->winograd_weights, 4, dims,
                                                           dnnl_f32, dnnl_Abcd16a),
                          "a memory descriptor", err);
    if (!rc)
        rc = px_dnn_grow_scratch(conv->dnn, px_winograd_gradient_scratch(conv->gradient), err);
    if (rc)
        return rc;
    conv->blocked = px_conv_create_blocked(conv);
    return conv->blocked ? 0 : px_fail(err, PX_E_NOMEM, "no memory for a convolution");
}

static int make(struct px_conv *conv, struct px_error *err)
{
    if (!conv->desc.winograd)
        return make_direct(conv, err);
    return conv->desc.pass == PX_CONV_BACKWARD_WEIGHTS ? make_gradient(conv, err)
                                                       : make_winograd(conv, err);
}

int px_conv_create(struct px_conv **out, struct px_dnn *dnn, const struct px_conv_desc *desc,
                   struct px_error *err)
{
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
    int rc = make(conv, err);
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
    px_winograd_destroy(conv->winograd);
    px_winograd_gradient_destroy(conv->gradient);
    dnnl_memory_desc_destroy(conv->winograd_weights);
    px_blocked_destroy(conv->blocked);
    dnnl_primitive_destroy(conv->pack);
    dnnl_primitive_destroy(conv->unpack);
    dnnl_primitive_destroy(conv->primitive);
    px_relayout_clear(&conv->from_src);
    px_relayout_clear(&conv->from_dst);
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

/* Sets the views on the activations, copied if the primitive wants another layout. */
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

    assert(b->src && b->weights && b->dst);
    assert(!conv->desc.bias || b->bias);
    assert(!conv->scale || b->scale);
    if (conv->winograd) {
        px_winograd_run(conv->winograd, b, conv->dnn->scratch);
        return 0;
    }
    if (conv->gradient) {
        px_winograd_gradient_run(conv->gradient, b, conv->dnn->scratch);
        return 0;
    }
    assert(scratch_of(conv).end <= conv->dnn->scratch_size);
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
