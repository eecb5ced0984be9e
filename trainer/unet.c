#include "trainer/unet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/conv_layer.h"
#include "trainer/floats.h"
#include "trainer/norm.h"

struct layer {
    struct px_conv_layer conv;
    struct px_norm_layer norm;
    float *in,
        *din; /* (n, h, w, in_channels): after activation and concatenation; layer 0 has neither */
    float *raw;  /* (n, oh, ow, out_channels): the convolution's result */
    float *draw; /* its gradient */
    float *mask; /* dropout, 0 or 2; NULL where the layer has none */
    size_t raw_count;
    int height, width;             /* of the input */
    int running_mean, running_var; /* parameters, or -1 */
};

struct px_unet {
    struct px_network network;
    struct px_unet_options options;
    struct px_parameters *parameters; /* borrowed */
    struct layer layers[PX_MAX_LAYERS];
};

static enum px_parameter_kind kind_of(enum px_tensor_role role)
{
    switch (role) {
    case PX_ROLE_WEIGHT:
        return PX_PARAMETER_WEIGHT;
    case PX_ROLE_GAMMA:
        return PX_PARAMETER_GAMMA;
    case PX_ROLE_RUNNING_MEAN:
        return PX_BUFFER_ZERO;
    case PX_ROLE_RUNNING_VAR:
        return PX_BUFFER_ONE;
    default:
        return PX_PARAMETER_ZERO;
    }
}

int px_unet_parameters(struct px_parameters *parameters, const struct px_network *network,
                       struct px_error *err)
{
    struct px_tensor_spec specs[8 * PX_MAX_LAYERS];
    size_t n = px_network_tensors(network, specs, 8 * PX_MAX_LAYERS);

    for (int buffers = 0; buffers < 2; buffers++) /* first the parameters, then the buffers */
        for (size_t i = 0; i < n; i++) {
            const struct px_tensor_spec *s = &specs[i];
            enum px_parameter_kind kind = kind_of(s->role);
            if (s->role == PX_ROLE_BATCHES || (kind >= PX_BUFFER_ZERO) != buffers)
                continue;
            int rc = px_parameters_add(parameters, s->name, kind, s->shape, s->ndim, err);
            if (rc < 0)
                return rc;
        }
    return px_parameters_allocate(parameters, err);
}

static int find(const struct px_unet *unet, const char *prefix, const char *suffix)
{
    char name[PX_NAME_MAX + 32];

    snprintf(name, sizeof name, "%s.%s", prefix, suffix);
    return px_parameters_find(unet->parameters, name);
}

static bool is_last(const struct px_unet *unet, int i)
{
    return i == unet->network.layer_count - 1;
}

/* Sizes and buffers of layer i; the input's size follows from the layer before. */
static int init_buffers(struct px_unet *unet, int i, struct px_error *err)
{
    const struct px_layer *spec = &unet->network.layers[i];
    struct layer *l = &unet->layers[i];
    bool train = unet->options.train;
    size_t n = (size_t)unet->options.n;

    l->height = l->width = unet->network.crop_size;
    if (i > 0) {
        const struct layer *before = &unet->layers[i - 1];
        bool was_down = !unet->network.layers[i - 1].transposed;
        l->height = was_down ? before->height / 2 : before->height * 2;
        l->width = was_down ? before->width / 2 : before->width * 2;
    }
    size_t pixels = n * (size_t)l->height * (size_t)l->width;
    size_t in = pixels * (size_t)spec->in_channels;
    l->raw_count = (spec->transposed ? pixels * 4 : pixels / 4) * (size_t)spec->out_channels;
    l->raw = px_floats(l->raw_count);
    l->draw = train ? px_floats(l->raw_count) : NULL;
    if (i > 0) {
        l->in = px_floats(in);
        l->din = train ? px_floats(in) : NULL;
    }
    if (spec->has_dropout)
        l->mask = px_floats(l->raw_count);
    if (!l->raw || (train && !l->draw) || (i > 0 && !l->in) || (i > 0 && train && !l->din) ||
        (spec->has_dropout && !l->mask))
        return px_fail(err, PX_E_NOMEM, "no memory for the activations of the generator");
    return 0;
}

/* The bias of a convolution before a norm (they are there with instance norm) changes nothing, for
 * the norm takes the mean away; its gradient is 0, and it stays as it is. */
static int init_conv(struct px_unet *unet, struct px_dnn *dnn, int i, struct px_error *err)
{
    const struct px_layer *spec = &unet->network.layers[i];
    struct layer *l = &unet->layers[i];
    const struct px_conv_layer_desc desc = {
        .transposed = spec->transposed,
        .n = unet->options.n,
        .height = l->height,
        .width = l->width,
        .in = spec->in_channels,
        .out = spec->out_channels,
        .kernel = spec->kernel,
        .stride = spec->stride,
        .pad = spec->pad,
        .train_weights = unet->options.train,
        .train_input = unet->options.train && i > 0,
        .weight = find(unet, spec->conv, "weight"),
        .bias = spec->has_norm ? -1 : find(unet, spec->conv, "bias")};

    return px_conv_layer_init(&l->conv, dnn, unet->parameters, &desc, err);
}

/* Where the result of layer i goes: behind the skip in the next layer's input, and as the skip
 * itself. */
static void add_targets(struct px_unet *unet, int i)
{
    const struct px_network *net = &unet->network;
    struct px_norm_layer *norm = &unet->layers[i].norm;

    for (int j = i + 1; j < net->layer_count; j++) {
        const struct px_layer *reader = &net->layers[j];
        if (j != i + 1 && reader->skip != i)
            continue;
        size_t offset = 0;
        if (j == i + 1 && reader->skip >= 0)
            offset = (size_t)net->layers[reader->skip].out_channels;
        struct layer *l = &unet->layers[j];
        norm->targets[norm->target_count++] =
            (struct px_norm_target){.data = l->in + offset,
                                    .gradient = l->din ? l->din + offset : NULL,
                                    .pitch = (size_t)reader->in_channels,
                                    .slope = reader->slope};
    }
}

static int init_norm(struct px_unet *unet, int i, struct px_error *err)
{
    const struct px_layer *spec = &unet->network.layers[i];
    struct px_parameters *p = unet->parameters;
    struct layer *l = &unet->layers[i];
    int groups = unet->network.norm == PX_NORM_INSTANCE ? unet->options.n : 1;

    l->norm = (struct px_norm_layer){.channels = spec->out_channels,
                                     .groups = groups,
                                     .pixels = l->raw_count / (size_t)(spec->out_channels * groups),
                                     .normalise = spec->has_norm,
                                     .threads = unet->options.threads,
                                     .x = l->raw,
                                     .dx = l->draw};
    l->running_mean = l->running_var = -1;
    if (spec->has_norm && unet->network.norm == PX_NORM_BATCH) {
        int gamma = find(unet, spec->norm, "weight"), beta = find(unet, spec->norm, "bias");
        l->norm.gamma = p->value + p->list[gamma].offset;
        l->norm.beta = p->value + p->list[beta].offset;
        l->norm.dgamma = p->gradient + p->list[gamma].offset;
        l->norm.dbeta = p->gradient + p->list[beta].offset;
        l->running_mean = find(unet, spec->norm, "running_mean");
        l->running_var = find(unet, spec->norm, "running_var");
    }
    add_targets(unet, i);
    return px_norm_layer_init(&l->norm, err);
}

int px_unet_create(struct px_unet **out, struct px_dnn *dnn, const struct px_network *network,
                   struct px_parameters *parameters, const struct px_unet_options *options,
                   struct px_error *err)
{
    for (int i = 0; i < network->layer_count; i++)
        if (network->layers[i].kernel != 4 || network->layers[i].residual >= 0)
            return px_fail(err, PX_E_USAGE,
                           "cannot train %s: only unet_N and encoder_decoder_N can be trained",
                           network->architecture);
    struct px_unet *unet = calloc(1, sizeof *unet);
    if (!unet)
        return px_fail(err, PX_E_NOMEM, "no memory for a generator");
    unet->network = *network;
    unet->options = *options;
    unet->parameters = parameters;
    int rc = 0;
    for (int i = 0; i < network->layer_count && !rc; i++)
        rc = init_buffers(unet, i, err);
    for (int i = 0; i < network->layer_count && !rc; i++) {
        rc = init_conv(unet, dnn, i, err);
        if (!rc && !is_last(unet, i))
            rc = init_norm(unet, i, err);
    }
    if (rc) {
        px_unet_destroy(unet);
        return rc;
    }
    *out = unet;
    return 0;
}

void px_unet_destroy(struct px_unet *unet)
{
    if (!unet)
        return;
    for (int i = 0; i < unet->network.layer_count; i++) {
        struct layer *l = &unet->layers[i];
        px_conv_layer_finish(&l->conv);
        px_norm_layer_finish(&l->norm);
        free(l->in);
        free(l->din);
        free(l->raw);
        free(l->draw);
        free(l->mask);
    }
    free(unet);
}

int px_unet_refresh(struct px_unet *unet, struct px_error *err)
{
    int rc = 0;

    for (int i = 0; i < unet->network.layer_count && !rc; i++)
        rc = px_conv_layer_refresh(&unet->layers[i].conv, err);
    return rc;
}

static void draw_mask(struct layer *l, uint64_t seed, uint64_t stream, int threads)
{
    float *mask = l->mask;
    size_t n = l->raw_count;

#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        mask[i] = px_hash(seed, stream, i) >> 63 ? 2.0f : 0.0f;
}

/* y = tanh(x + bias), in place. */
static void finish_output(struct px_unet *unet, struct layer *l)
{
    const struct px_parameters *p = unet->parameters;
    const float *bias = p->value + p->list[l->conv.desc.bias].offset;
    size_t channels = (size_t)l->conv.desc.out, pixels = l->raw_count / channels;
    float *y = l->raw;

#pragma omp parallel for num_threads(unet->options.threads) schedule(static)
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++)
            y[i * channels + c] = tanhf(y[i * channels + c] + bias[c]);
}

int px_unet_forward(struct px_unet *unet, const float *in, const uint64_t *dropout, float **out,
                    struct px_error *err)
{
    for (int i = 0; i < unet->network.layer_count; i++) {
        struct layer *l = &unet->layers[i];
        int rc = px_conv_layer_forward(&l->conv, i ? l->in : in, l->raw, err);
        if (rc)
            return rc;
        if (is_last(unet, i)) {
            finish_output(unet, l);
            *out = l->raw;
            break;
        }
        l->norm.mask = l->mask && dropout ? l->mask : NULL;
        if (l->norm.mask)
            draw_mask(l, *dropout, (uint64_t)i, unet->options.threads);
        px_norm_layer_forward(&l->norm);
        if (unet->options.train && l->running_mean >= 0) {
            struct px_parameters *p = unet->parameters;
            px_norm_layer_update_running(&l->norm, p->value + p->list[l->running_mean].offset,
                                         p->value + p->list[l->running_var].offset);
        }
    }
    return 0;
}

/* dout *= 1 - y^2; the bias's gradient is its sum over the pixels. */
static void backward_output(struct px_unet *unet, struct layer *l, float *dout)
{
    struct px_parameters *p = unet->parameters;
    float *dbias = p->gradient + p->list[l->conv.desc.bias].offset;
    size_t channels = (size_t)l->conv.desc.out, pixels = l->raw_count / channels;
    const float *y = l->raw;

#pragma omp parallel for num_threads(unet->options.threads) schedule(static)
    for (size_t i = 0; i < l->raw_count; i++)
        dout[i] *= 1.0f - y[i] * y[i];
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < pixels; i++)
            sum += (double)dout[i * channels + c];
        dbias[c] = (float)sum;
    }
}

int px_unet_backward(struct px_unet *unet, const float *in, float *dout, struct px_error *err)
{
    for (int i = unet->network.layer_count - 1; i >= 0; i--) {
        struct layer *l = &unet->layers[i];
        if (is_last(unet, i))
            backward_output(unet, l, dout);
        else
            px_norm_layer_backward(&l->norm);
        int rc = px_conv_layer_backward(&l->conv, i ? l->in : in, is_last(unet, i) ? dout : l->draw,
                                        l->din, err);
        if (rc)
            return rc;
    }
    return 0;
}
