#include "tests/model/generator.h"

#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/engine/algorithm.h"

/* Weights that keep the signal's size from layer to layer, norms and statistics away from 0 and 1.
 */
static float draw(const struct px_tensor_spec *spec, const struct px_network *network,
                  struct px_random *random)
{
    float u = px_random_uniform(random) * 2 - 1;

    switch (spec->role) {
    case PX_ROLE_WEIGHT: {
        const struct px_layer *layer = &network->layers[spec->layer];
        int taps = layer->kernel * layer->kernel;
        if (layer->transposed)
            taps /= layer->stride * layer->stride;
        return u * sqrtf(6.0f / (float)(taps * layer->in_channels));
    }
    case PX_ROLE_GAMMA:
    case PX_ROLE_RUNNING_VAR:
        return 1.0f + 0.5f * u;
    default:
        return 0.2f * u;
    }
}

void generator_write(const char *path, const struct px_network_options *options, bool running)
{
    static struct px_tensor_spec specs[500];
    static struct px_tensor tensors[500];
    struct px_network network;
    struct px_random random;
    struct px_error err;
    size_t kept = 0;

    px_random_seed(&random, 1);
    assert_int_equal(px_network_make(&network, options, &err), 0);
    size_t count = px_network_tensors(&network, specs, 500);
    for (size_t i = 0; i < count; i++) {
        struct px_tensor *t = &tensors[kept];

        if (specs[i].role == PX_ROLE_BATCHES || (!running && specs[i].role >= PX_ROLE_RUNNING_MEAN))
            continue;
        *t = (struct px_tensor){.name = specs[i].name, .dtype = PX_F32, .ndim = specs[i].ndim};
        memcpy(t->shape, specs[i].shape, sizeof specs[i].shape);
        t->bytes = px_tensor_count(t) * sizeof(float);
        float *data = malloc(t->bytes);
        for (size_t k = 0; k < px_tensor_count(t); k++)
            data[k] = draw(&specs[i], &network, &random);
        t->data = data;
        kept++;
    }
    if (px_checkpoint_save(path, &network, tensors, kept, NULL, 0, PX_F32, &err) != 0)
        fail_msg("%s", err.message);
    while (kept > 0)
        free((void *)(uintptr_t)tensors[--kept].data);
}

void generator_quantise(const char *path, bool all)
{
    static float scales[1024];
    struct px_int8_choice choice = {.others = PX_F32};
    struct px_checkpoint *plain = NULL, *int8 = NULL;
    struct px_error err;

    for (size_t i = 0; i < 1024; i++)
        scales[i] = (3.0f + (float)(i % 3)) / 255.0f;
    if (px_checkpoint_open(&plain, path, &err))
        fail_msg("%s", err.message);
    for (int i = 0; i < px_checkpoint_network(plain)->layer_count; i++)
        if (px_algorithm_has_int8(px_checkpoint_network(plain), i) && (all || i % 3 != 2))
            choice.input_scales[i] = scales;
    if (px_checkpoint_quantise(&int8, plain, &choice, &err) ||
        px_checkpoint_store(path, int8, NULL, 0, PX_DTYPE_AUTO, &err))
        fail_msg("%s", err.message);
    px_checkpoint_close(int8);
    px_checkpoint_close(plain);
}

struct picture {
    int height, width, channels;
    double *data;
};

static struct picture blank(int height, int width, int channels)
{
    size_t count = (size_t)height * (size_t)width * (size_t)channels;

    return (struct picture){height, width, channels, calloc(count, sizeof(double))};
}

static double *at(const struct picture *p, int y, int x)
{
    return p->data + ((size_t)y * (size_t)p->width + (size_t)x) * (size_t)p->channels;
}

/* The tensor in that role as floats, or NULL; to be freed. */
static float *values(const struct px_checkpoint *checkpoint, int layer, enum px_tensor_role role)
{
    const struct px_tensor *tensor = px_checkpoint_tensor(checkpoint, layer, role);

    if (!tensor)
        return NULL;
    float *floats = malloc(px_tensor_count(tensor) * sizeof *floats);
    px_tensor_to_f32(tensor, floats);
    return floats;
}

/* The index that a pad of the layer shows at i, or -1 where that is a zero. */
static int padded(const struct px_layer *layer, int i, int size)
{
    if (i >= 0 && i < size)
        return i;
    if (!layer->reflect)
        return -1;
    return i < 0 ? -i : 2 * size - 2 - i;
}

static int result_size(const struct px_layer *layer, int size)
{
    if (layer->transposed)
        return (size - 1) * layer->stride - 2 * layer->pad + layer->kernel + layer->output_padding;
    return (size + 2 * layer->pad - layer->kernel) / layer->stride + 1;
}

/* Pixel (y, x) of the smaller picture and pixel (stride y + k - pad, stride x + l - pad) of the
 * larger are joined by tap (k, l) in both directions: small += w * large for Conv2d with weights
 * [out][in][k][l], large += w * small for ConvTranspose2d with [in][out][k][l]. */
static struct picture convolve(const struct px_layer *layer, const struct picture *in,
                               const float *w)
{
    bool up = layer->transposed;
    struct picture out =
        blank(result_size(layer, in->height), result_size(layer, in->width), layer->out_channels);
    const struct picture *small = up ? in : &out, *large = up ? &out : in;
    int a = small->channels, b = large->channels, taps = layer->kernel * layer->kernel;

    for (int y = 0; y < small->height; y++)
        for (int x = 0; x < small->width; x++)
            for (int tap = 0; tap < taps; tap++) {
                int v = padded(layer, layer->stride * y + tap / layer->kernel - layer->pad,
                               large->height);
                int u = padded(layer, layer->stride * x + tap % layer->kernel - layer->pad,
                               large->width);
                if (v < 0 || u < 0)
                    continue;
                double *s = at(small, y, x), *l = at(large, v, u);
                for (int i = 0; i < a; i++)
                    for (int j = 0; j < b; j++) {
                        double weight = (double)w[(i * b + j) * taps + tap];
                        if (up)
                            l[j] += weight * s[i];
                        else
                            s[i] += weight * l[j];
                    }
            }
    return out;
}

/* Norm of one channel: by its own statistics, or by the running ones. */
static void normalise(struct picture *p, int c, const float *running_mean, const float *running_var)
{
    int pixels = p->height * p->width;
    double mean = 0, variance = 0;

    for (int i = 0; i < pixels; i++)
        mean += p->data[i * p->channels + c] / pixels;
    for (int i = 0; i < pixels; i++)
        variance += pow(p->data[i * p->channels + c] - mean, 2) / pixels;
    if (running_mean) {
        mean = (double)running_mean[c];
        variance = (double)running_var[c];
    }
    for (int i = 0; i < pixels; i++)
        p->data[i * p->channels + c] =
            (p->data[i * p->channels + c] - mean) / sqrt(variance + 1e-5);
}

/* Bias, norm and dropout of layer k. */
static void finish(const struct px_checkpoint *checkpoint, int k, struct picture *p,
                   const struct generator_input *input)
{
    const struct px_layer *layer = &px_checkpoint_network(checkpoint)->layers[k];
    bool running = input->running && px_checkpoint_network(checkpoint)->norm == PX_NORM_BATCH;
    float *bias = values(checkpoint, k, PX_ROLE_BIAS);
    float *gamma = values(checkpoint, k, PX_ROLE_GAMMA),
          *beta = values(checkpoint, k, PX_ROLE_BETA);
    float *mean = running ? values(checkpoint, k, PX_ROLE_RUNNING_MEAN) : NULL;
    float *var = running ? values(checkpoint, k, PX_ROLE_RUNNING_VAR) : NULL;
    int pixels = p->height * p->width;

    for (int c = 0; c < p->channels; c++) {
        for (int i = 0; bias && i < pixels; i++)
            p->data[i * p->channels + c] += (double)bias[c];
        if (layer->has_norm)
            normalise(p, c, mean, var);
        for (int i = 0; gamma && i < pixels; i++)
            p->data[i * p->channels + c] =
                p->data[i * p->channels + c] * (double)gamma[c] + (double)beta[c];
    }
    for (int i = 0; layer->has_dropout && input->seed && i < pixels * p->channels; i++)
        p->data[i] *= px_hash(*input->seed, (uint64_t)k, (uint64_t)i) >> 63 ? 2 : 0;
    free(bias);
    free(gamma);
    free(beta);
    free(mean);
    free(var);
}

/* The input of a layer: the skip and the last result, activated. */
static struct picture activated(const struct picture *skip, const struct picture *last,
                                double negative)
{
    int first = skip ? skip->channels : 0;
    struct picture out = blank(last->height, last->width, first + last->channels);

    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++)
            for (int c = 0; c < out.channels; c++) {
                double v = c < first ? at(skip, y, x)[c] : at(last, y, x)[c - first];
                at(&out, y, x)[c] = v > 0 ? v : negative * v;
            }
    return out;
}

static void sum(struct picture *p, const struct picture *more)
{
    for (int i = 0; i < p->height * p->width * p->channels; i++)
        p->data[i] += more->data[i];
}

double *generator_answer(const struct px_checkpoint *checkpoint,
                         const struct generator_input *input)
{
    const struct px_network *network = px_checkpoint_network(checkpoint);
    struct picture inputs[PX_MAX_LAYERS], results[PX_MAX_LAYERS];

    inputs[0] = blank(input->height, input->width, network->input_nc);
    for (int i = 0; i < input->height * input->width * network->input_nc; i++)
        inputs[0].data[i] = (double)input->in[i];
    for (int k = 0; k < network->layer_count; k++) {
        const struct px_layer *layer = &network->layers[k];
        float *w = values(checkpoint, k, PX_ROLE_WEIGHT);

        if (k > 0)
            inputs[k] = activated(layer->skip < 0 ? NULL : &results[layer->skip], &results[k - 1],
                                  (double)layer->slope);
        results[k] = convolve(layer, &inputs[k], w);
        finish(checkpoint, k, &results[k], input);
        if (layer->residual >= 0)
            sum(&results[k], &inputs[layer->residual]);
        free(w);
    }
    for (int k = 0; k < network->layer_count; k++) {
        free(inputs[k].data);
        if (k + 1 < network->layer_count)
            free(results[k].data);
    }
    struct picture *last = &results[network->layer_count - 1];
    for (int i = 0; i < last->height * last->width * last->channels; i++)
        last->data[i] = tanh(last->data[i]);
    return last->data;
}
