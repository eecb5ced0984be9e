#include "trainer/conv_layer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *view(const float *p)
{
    return (void *)(uintptr_t)p; /* px_conv_run writes only what its pass writes */
}

static float *tensor(const struct px_conv_layer *layer, float *base, int index)
{
    return index < 0 ? NULL : base + layer->parameters->list[index].offset;
}

static void *packed(const struct px_conv *conv)
{
    return aligned_alloc(64, (px_conv_weights_size(conv) + 63) & ~(size_t)63);
}

/* The convolution that a layer is, or whose adjoint it is. */
static struct px_conv_desc conv_desc(const struct px_conv_layer_desc *d, enum px_conv_pass pass)
{
    struct px_conv_desc c = {.pass = pass,
                             .n = d->n,
                             .ih = d->height,
                             .iw = d->width,
                             .ic = d->in,
                             .oc = d->out,
                             .kernel = d->kernel,
                             .stride = d->stride,
                             .pad = d->pad,
                             .src = PX_F32,
                             .weights = PX_F32,
                             .dst = PX_F32};

    if (d->transposed) {
        c.ih = (d->height - 1) * d->stride - 2 * d->pad + d->kernel + d->output_padding;
        c.iw = (d->width - 1) * d->stride - 2 * d->pad + d->kernel + d->output_padding;
        c.ic = d->out;
        c.oc = d->in;
    }
    return c;
}

static int init_forward(struct px_conv_layer *layer, struct px_dnn *dnn, struct px_error *err)
{
    const struct px_conv_layer_desc *d = &layer->desc;
    struct px_conv_desc c = conv_desc(d, d->transposed ? PX_CONV_BACKWARD_DATA : PX_CONV_FORWARD);

    c.bias = d->bias >= 0 && !d->transposed;
    c.relu = d->relu;
    c.slope = 0.2f;
    int rc = px_conv_create(&layer->forward, dnn, &c, err);
    if (!rc && !(layer->packed_forward = packed(layer->forward)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for packed weights");
    return rc;
}

static int init_by_input(struct px_conv_layer *layer, struct px_dnn *dnn, struct px_error *err)
{
    const struct px_conv_layer_desc *d = &layer->desc;
    struct px_conv_desc c = conv_desc(d, d->transposed ? PX_CONV_FORWARD : PX_CONV_BACKWARD_DATA);

    int rc = px_conv_create(&layer->by_input, dnn, &c, err);
    if (!rc && !(layer->packed_by_input = packed(layer->by_input)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for packed weights");
    return rc;
}

static int init_by_weight(struct px_conv_layer *layer, struct px_dnn *dnn, struct px_error *err)
{
    const struct px_conv_layer_desc *d = &layer->desc;
    struct px_conv_desc c = conv_desc(d, PX_CONV_BACKWARD_WEIGHTS);

    c.bias = d->bias >= 0 && !d->transposed;
    int rc = px_conv_create(&layer->by_weight, dnn, &c, err);
    if (!rc && !(layer->packed_gradient = packed(layer->by_weight)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for a packed gradient");
    return rc;
}

int px_conv_layer_init(struct px_conv_layer *layer, struct px_dnn *dnn,
                       struct px_parameters *parameters, const struct px_conv_layer_desc *desc,
                       struct px_error *err)
{
    memset(layer, 0, sizeof *layer);
    layer->desc = *desc;
    layer->parameters = parameters;
    int rc = init_forward(layer, dnn, err);
    if (!rc && desc->train_input)
        rc = init_by_input(layer, dnn, err);
    if (!rc && desc->train_weights)
        rc = init_by_weight(layer, dnn, err);
    return rc;
}

void px_conv_layer_finish(struct px_conv_layer *layer)
{
    px_conv_destroy(layer->forward);
    px_conv_destroy(layer->by_input);
    px_conv_destroy(layer->by_weight);
    free(layer->packed_forward);
    free(layer->packed_by_input);
    free(layer->packed_gradient);
    memset(layer, 0, sizeof *layer);
}

int px_conv_layer_refresh(struct px_conv_layer *layer, struct px_error *err)
{
    const float *weight = tensor(layer, layer->parameters->value, layer->desc.weight);
    int rc = px_conv_pack(layer->forward, weight, layer->packed_forward, err);

    if (!rc && layer->by_input)
        rc = px_conv_pack(layer->by_input, weight, layer->packed_by_input, err);
    return rc;
}

int px_conv_layer_forward(struct px_conv_layer *layer, const float *in, float *out,
                          struct px_error *err)
{
    bool t = layer->desc.transposed;
    const struct px_conv_buffers b = {.src = t ? view(out) : view(in),
                                      .weights = layer->packed_forward,
                                      .bias =
                                          tensor(layer, layer->parameters->value, layer->desc.bias),
                                      .dst = t ? view(in) : view(out)};

    return px_conv_run(layer->forward, &b, err);
}

static int by_weight(struct px_conv_layer *layer, const float *in, const float *dout,
                     struct px_error *err)
{
    bool t = layer->desc.transposed;
    float *gradient = layer->parameters->gradient;
    const struct px_conv_buffers b = {.src = t ? view(dout) : view(in),
                                      .weights = layer->packed_gradient,
                                      .bias = tensor(layer, gradient, layer->desc.bias),
                                      .dst = t ? view(in) : view(dout)};

    int rc = px_conv_run(layer->by_weight, &b, err);
    if (!rc)
        rc = px_conv_unpack(layer->by_weight, layer->packed_gradient,
                            tensor(layer, gradient, layer->desc.weight), err);
    return rc;
}

int px_conv_layer_backward(struct px_conv_layer *layer, const float *in, const float *dout,
                           float *din, struct px_error *err)
{
    bool t = layer->desc.transposed;
    int rc = layer->by_weight ? by_weight(layer, in, dout, err) : 0;

    if (rc || !din)
        return rc;
    const struct px_conv_buffers b = {.src = t ? view(dout) : din,
                                      .weights = layer->packed_by_input,
                                      .dst = t ? din : view(dout)};
    return px_conv_run(layer->by_input, &b, err);
}
