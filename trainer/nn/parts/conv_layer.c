#include "trainer/nn/parts/conv_layer.h"

#include <stdint.h>
#include <string.h>

static void *view(const void *p)
{
    return (void *)(uintptr_t)p; /* px_conv_run writes only what its pass writes */
}

/* The convolution that a layer is, or whose adjoint it is. `in` and `out` are the types of the
 * layer's input and result, or of their gradients. */
static struct px_conv_desc conv_desc(const struct px_conv_layer_desc *d, enum px_conv_pass pass,
                                     enum px_dtype in, enum px_dtype out)
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
                             .src = d->transposed ? out : in,
                             .weights = pass == PX_CONV_BACKWARD_WEIGHTS ? PX_F32 : d->dtype,
                             .dst = d->transposed ? in : out};

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
    struct px_conv_desc c =
        conv_desc(d, d->transposed ? PX_CONV_BACKWARD_DATA : PX_CONV_FORWARD, d->dtype, d->result);

    c.bias = d->bias >= 0 && !d->transposed;
    c.winograd = px_conv_winograd_training(&c);
    int rc = px_conv_create(&layer->forward, dnn, &c, err);
    return rc ? rc
              : px_weights_borrow(layer->weights, d->weight, layer->forward, &layer->packed_forward,
                                  err);
}

static int init_by_input(struct px_conv_layer *layer, struct px_dnn *dnn, struct px_error *err)
{
    const struct px_conv_layer_desc *d = &layer->desc;
    struct px_conv_desc c =
        conv_desc(d, d->transposed ? PX_CONV_FORWARD : PX_CONV_BACKWARD_DATA, d->dinput, d->dtype);

    c.winograd = px_conv_winograd_training(&c);
    int rc = px_conv_create(&layer->by_input, dnn, &c, err);
    return rc ? rc
              : px_weights_borrow(layer->weights, d->weight, layer->by_input,
                                  &layer->packed_by_input, err);
}

static int init_by_weight(struct px_conv_layer *layer, struct px_dnn *dnn, struct px_error *err)
{
    const struct px_conv_layer_desc *d = &layer->desc;
    struct px_conv_desc c = conv_desc(d, PX_CONV_BACKWARD_WEIGHTS, d->dtype, d->dtype);

    c.bias = d->bias >= 0 && !d->transposed;
    c.winograd = px_conv_winograd_training(&c);
    int rc = px_conv_create(&layer->by_weight, dnn, &c, err);
    return rc ? rc : px_weights_enable_gradients(layer->weights, d->weight, layer->by_weight, err);
}

int px_conv_layer_init(struct px_conv_layer *layer, struct px_dnn *dnn, struct px_weights *weights,
                       const struct px_conv_layer_desc *desc, struct px_error *err)
{
    memset(layer, 0, sizeof *layer);
    layer->desc = *desc;
    layer->weights = weights;
    int rc = init_forward(layer, dnn, err);
    if (!rc && desc->train_input)
        rc = init_by_input(layer, dnn, err);
    if (!rc && desc->train_weights)
        rc = init_by_weight(layer, dnn, err);
    return rc;
}

void px_conv_layer_clear(struct px_conv_layer *layer)
{
    px_conv_destroy(layer->forward);
    px_conv_destroy(layer->by_input);
    px_conv_destroy(layer->by_weight);
    memset(layer, 0, sizeof *layer);
}

int px_conv_layer_forward(struct px_conv_layer *layer, const void *in, void *out,
                          struct px_error *err)
{
    const struct px_parameters *p = px_weights_parameters(layer->weights);
    bool t = layer->desc.transposed;
    int bias = layer->desc.bias;
    const struct px_conv_buffers b = {.src = t ? out : view(in),
                                      .weights = layer->packed_forward,
                                      .bias = bias < 0 ? NULL : p->value + p->list[bias].offset,
                                      .dst = t ? view(in) : out};

    return px_conv_run(layer->forward, &b, err);
}

static int by_input(struct px_conv_layer *layer, const struct px_conv_gradients *g,
                    struct px_error *err)
{
    bool t = layer->desc.transposed;
    const struct px_conv_buffers b = {.src = t ? view(g->dout) : g->din,
                                      .weights = layer->packed_by_input,
                                      .dst = t ? g->din : view(g->dout)};

    return px_conv_run(layer->by_input, &b, err);
}

static int by_weight(struct px_conv_layer *layer, const struct px_conv_gradients *g,
                     struct px_error *err)
{
    const struct px_parameters *p = px_weights_parameters(layer->weights);
    bool t = layer->desc.transposed;
    const struct px_conv_buffers b = {.src = t ? view(g->dout) : view(g->in),
                                      .weights = px_weights_gradient(layer->weights),
                                      .bias = px_parameters_gradient(p, layer->desc.bias),
                                      .dst = t ? view(g->in) : view(g->dout)};

    return px_conv_run(layer->by_weight, &b, err);
}

int px_conv_layer_backward(struct px_conv_layer *layer, const struct px_conv_gradients *gradients,
                           const struct px_update *update, struct px_error *err)
{
    int rc = gradients->din ? by_input(layer, gradients, err) : 0; /* through the old weights */

    if (!rc && layer->by_weight)
        rc = by_weight(layer, gradients, err);
    if (!rc && layer->by_weight && update)
        px_weights_load_from(layer->weights, layer->desc.weight, update);
    return rc;
}
