#include "trainer/nn/parts/generator_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "trainer/nn/parts/element.h"
#include "trainer/nn/parts/floats.h"

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

int px_generator_parameters(struct px_parameters *parameters, const struct px_network *network,
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

static int find(const struct px_generator *generator, const char *prefix, const char *suffix)
{
    char name[PX_NAME_MAX + 32];

    snprintf(name, sizeof name, "%s.%s", prefix, suffix);
    return px_parameters_find(generator->parameters, name);
}

static bool is_last(const struct px_generator *generator, int i)
{
    return i == generator->network.layer_count - 1;
}

static int init_pad(struct px_generator *generator, int i, struct px_error *err)
{
    const struct px_layer *spec = &generator->network.layers[i];
    struct px_generator_layer *l = &generator->layers[i];
    size_t n = (size_t)(generator->options.n * spec->in_channels);

    if (!spec->reflect)
        return 0;
    if (spec->pad >= l->height || spec->pad >= l->width)
        return px_fail(err, PX_E_USAGE, "%d x %d pixels are too few for %s",
                       generator->options.width, generator->options.height,
                       generator->network.architecture);
    l->reflect = (struct px_reflect){.n = generator->options.n,
                                     .height = l->height,
                                     .width = l->width,
                                     .channels = spec->in_channels,
                                     .pad = spec->pad,
                                     .threads = generator->options.threads,
                                     .dtype = generator->options.dtype};
    n *= (size_t)(l->height + 2 * spec->pad) * (size_t)(l->width + 2 * spec->pad);
    l->padded = px_elements(n, generator->options.dtype);
    l->dpadded = l->din ? px_elements(n, generator->options.dtype) : NULL;
    if (!l->padded || (l->din && !l->dpadded))
        return px_fail(err, PX_E_NOMEM, "no memory for the activations of the generator");
    return 0;
}

/* Sizes and buffers of layer i; the input's size follows from the layer before. */
static int init_buffers(struct px_generator *generator, int i, struct px_error *err)
{
    const struct px_layer *spec = &generator->network.layers[i];
    struct px_generator_layer *l = &generator->layers[i];
    bool train = generator->options.train;
    enum px_dtype dtype = generator->options.dtype;
    size_t n = (size_t)generator->options.n;

    l->sum = -1;
    l->height = generator->options.height;
    l->width = generator->options.width;
    if (i > 0) {
        l->height = px_layer_side(spec - 1, l[-1].height);
        l->width = px_layer_side(spec - 1, l[-1].width);
    }
    size_t in = n * (size_t)l->height * (size_t)l->width * (size_t)spec->in_channels;
    l->raw_count = n * (size_t)px_layer_side(spec, l->height) *
                   (size_t)px_layer_side(spec, l->width) * (size_t)spec->out_channels;
    l->raw = px_elements(l->raw_count, is_last(generator, i) ? PX_F32 : dtype);
    l->draw = train ? px_elements(l->raw_count, dtype) : NULL;
    l->in = px_elements(in, dtype);
    l->din = train && i > 0 ? px_elements(in, dtype) : NULL;
    if (spec->has_dropout && train)
        l->mask = px_floats(l->raw_count);
    if (!l->raw || (train && !l->draw) || !l->in || (i > 0 && train && !l->din) ||
        (spec->has_dropout && train && !l->mask))
        return px_fail(err, PX_E_NOMEM, "no memory for the activations of the generator");
    return init_pad(generator, i, err);
}

/* The bias of a convolution before a norm (they are there with instance norm) changes nothing, for
 * the norm takes the mean away; its gradient is 0, and it stays as it is. */
static int init_conv(struct px_generator *generator, struct px_dnn *dnn, int i,
                     struct px_error *err)
{
    const struct px_layer *spec = &generator->network.layers[i];
    struct px_generator_layer *l = &generator->layers[i];
    int mirrored = spec->reflect ? 2 * spec->pad : 0;
    const struct px_conv_layer_desc desc = {
        .transposed = spec->transposed,
        .n = generator->options.n,
        .height = l->height + mirrored,
        .width = l->width + mirrored,
        .in = spec->in_channels,
        .out = spec->out_channels,
        .kernel = spec->kernel,
        .stride = spec->stride,
        .pad = spec->reflect ? 0 : spec->pad,
        .output_padding = spec->output_padding,
        .train_weights = generator->options.train,
        .train_input = generator->options.train && i > 0,
        .weight = find(generator, spec->conv, "weight"),
        .bias = spec->has_norm ? -1 : find(generator, spec->conv, "bias"),
        .dtype = generator->options.dtype,
        .result = is_last(generator, i) ? PX_F32 : generator->options.dtype,
        .dinput = generator->options.dtype,
    };

    return px_conv_layer_init(&l->conv, dnn, generator->weights, &desc, err);
}

/* Where the result of layer i goes: behind the skip in the next layer's input, and as the skip
 * itself. */
static void add_targets(struct px_generator *generator, int i)
{
    const struct px_network *net = &generator->network;
    struct px_norm_layer *norm = &generator->layers[i].norm;
    enum px_dtype dtype = generator->options.dtype;

    for (int j = i + 1; j < net->layer_count; j++) {
        const struct px_layer *reader = &net->layers[j];
        if (j != i + 1 && reader->skip != i)
            continue;
        size_t offset = 0;
        if (j == i + 1 && reader->skip >= 0)
            offset = (size_t)net->layers[reader->skip].out_channels;
        struct px_generator_layer *l = &generator->layers[j];
        norm->targets[norm->target_count++] =
            (struct px_norm_target){.data = px_element(l->in, offset, dtype),
                                    .gradient = px_element(l->din, offset, dtype),
                                    .pitch = (size_t)reader->in_channels,
                                    .slope = reader->slope};
    }
}

/* The sum with an earlier layer's input: it is added where the result goes, which must be one place
 * and as it is, without an activation. */
static int add_sum(struct px_generator *generator, int i, struct px_error *err)
{
    const struct px_layer *spec = &generator->network.layers[i];
    const struct px_norm_layer *norm = &generator->layers[i].norm;

    if (spec->residual < 0)
        return 0;
    if (spec->residual == 0 || norm->target_count != 1 || norm->targets[0].slope < 1.0f ||
        spec[1].in_channels != spec->out_channels)
        return px_fail(err, PX_E_INTERNAL, "%s: cannot train the sum at layer %d",
                       generator->network.architecture, i);
    generator->layers[spec->residual].sum = i;
    return 0;
}

static int init_norm(struct px_generator *generator, int i, struct px_error *err)
{
    const struct px_layer *spec = &generator->network.layers[i];
    struct px_parameters *p = generator->parameters;
    struct px_generator_layer *l = &generator->layers[i];
    int groups = generator->network.norm == PX_NORM_INSTANCE ? generator->options.n : 1;

    l->norm = (struct px_norm_layer){.channels = spec->out_channels,
                                     .groups = groups,
                                     .pixels = l->raw_count / (size_t)(spec->out_channels * groups),
                                     .normalise = spec->has_norm,
                                     .threads = generator->options.threads,
                                     .dtype = generator->options.dtype,
                                     .x = l->raw,
                                     .dx = l->draw};
    l->running_mean = l->running_var = -1;
    if (spec->has_norm && generator->network.norm == PX_NORM_BATCH) {
        int gamma = find(generator, spec->norm, "weight"),
            beta = find(generator, spec->norm, "bias");
        l->norm.gamma = p->value + p->list[gamma].offset;
        l->norm.beta = p->value + p->list[beta].offset;
        l->norm.dgamma = px_parameters_gradient(p, gamma);
        l->norm.dbeta = px_parameters_gradient(p, beta);
        l->running_mean = find(generator, spec->norm, "running_mean");
        l->running_var = find(generator, spec->norm, "running_var");
    }
    add_targets(generator, i);
    int rc = add_sum(generator, i, err);
    return rc ? rc : px_norm_layer_init(&l->norm, err);
}

int px_generator_create(struct px_generator **out, struct px_dnn *dnn,
                        const struct px_network *network, struct px_weights *weights,
                        const struct px_generator_options *options, struct px_error *err)
{
    struct px_generator *generator = calloc(1, sizeof *generator);
    if (!generator)
        return px_fail(err, PX_E_NOMEM, "no memory for a generator");
    generator->network = *network;
    generator->options = *options;
    generator->weights = weights;
    generator->parameters = px_weights_parameters(weights);
    int rc = 0;
    for (int i = 0; i < network->layer_count && !rc; i++)
        rc = init_buffers(generator, i, err);
    for (int i = 0; i < network->layer_count && !rc; i++) {
        rc = init_conv(generator, dnn, i, err);
        if (!rc && !is_last(generator, i))
            rc = init_norm(generator, i, err);
    }
    if (rc) {
        px_generator_destroy(generator);
        return rc;
    }
    *out = generator;
    return 0;
}

void px_generator_destroy(struct px_generator *generator)
{
    if (!generator)
        return;
    for (int i = 0; i < generator->network.layer_count; i++) {
        struct px_generator_layer *l = &generator->layers[i];
        px_conv_layer_clear(&l->conv);
        px_norm_layer_clear(&l->norm);
        free(l->in);
        free(l->din);
        free(l->padded);
        free(l->dpadded);
        free(l->raw);
        free(l->draw);
        free(l->mask);
    }
    free(generator);
}

void px_tanh_forward(const struct px_tanh *t, const float *bias, float *y)
{
    size_t channels = t->channels;

#pragma omp parallel for num_threads(t->threads) schedule(static)
    for (size_t i = 0; i < t->pixels; i++)
        for (size_t c = 0; c < channels; c++)
            y[i * channels + c] = tanhf(y[i * channels + c] + (bias ? bias[c] : 0.0f));
}

void px_tanh_backward(const struct px_tanh *t, const float *y, const float *dy, void *dx,
                      float *dbias)
{
    size_t channels = t->channels, n = t->pixels * channels;
    bool bf16 = t->dtype == PX_BF16;

#pragma omp parallel for num_threads(t->threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        px_store(dx, i, dy[i] * (1.0f - y[i] * y[i]), bf16);
    for (size_t c = 0; c < channels && dbias; c++) {
        double sum = 0;
        for (size_t i = c; i < n; i += channels)
            sum += (double)(dy[i] * (1.0f - y[i] * y[i]));
        dbias[c] = (float)sum;
    }
}
