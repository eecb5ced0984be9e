#include "tests/model/generator.h"

#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* Weights that keep the signal's size from layer to layer, norms and statistics away from 0 and 1.
 */
static float draw(const struct px_tensor_spec *spec, const struct px_network *network,
                  struct px_random *random)
{
    float u = px_random_uniform(random) * 2 - 1;

    switch (spec->role) {
    case PX_ROLE_WEIGHT: {
        const struct px_layer *layer = &network->layers[spec->layer];
        float taps = layer->kind == PX_LAYER_DOWN ? 16 : 4;
        return u * sqrtf(6.0f / (taps * (float)layer->in_channels));
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
    static struct px_tensor_spec specs[200];
    static struct px_tensor tensors[200];
    struct px_network network;
    struct px_random random;
    struct px_error err;
    size_t kept = 0;

    px_random_seed(&random, 1);
    assert_int_equal(px_network_unet(&network, options, &err), 0);
    size_t count = px_network_tensors(&network, specs, 200);
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

/* Pixel (y, x) of the smaller picture and pixel (2y + k - 1, 2x + l - 1) of the larger are joined
 * by tap (k, l) in both directions: small += w * large for Conv2d with weights [out][in][k][l],
 * large
 * += w * small for ConvTranspose2d with [in][out][k][l]. */
static struct picture convolve(const struct px_layer *layer, const struct picture *in,
                               const float *w)
{
    bool up = layer->kind == PX_LAYER_UP;
    struct picture out = blank(up ? in->height * 2 : in->height / 2,
                               up ? in->width * 2 : in->width / 2, layer->out_channels);
    const struct picture *small = up ? in : &out, *large = up ? &out : in;
    int a = small->channels, b = large->channels;

    for (int y = 0; y < small->height; y++)
        for (int x = 0; x < small->width; x++)
            for (int tap = 0; tap < 16; tap++) {
                int v = 2 * y + tap / 4 - 1, u = 2 * x + tap % 4 - 1;
                if (v < 0 || u < 0 || v >= large->height || u >= large->width)
                    continue;
                double *s = at(small, y, x), *l = at(large, v, u);
                for (int i = 0; i < a; i++)
                    for (int j = 0; j < b; j++) {
                        double weight =
                            (double)w[((size_t)i * (size_t)b + (size_t)j) * 16 + (size_t)tap];
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
    const struct px_layer *layer = &checkpoint->network.layers[k];
    bool running = input->running && checkpoint->network.norm == PX_NORM_BATCH;
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

double *generator_answer(const struct px_checkpoint *checkpoint,
                         const struct generator_input *input)
{
    const struct px_network *network = &checkpoint->network;
    struct picture results[PX_MAX_LAYERS],
        in = blank(input->height, input->width, network->input_nc);

    for (int i = 0; i < in.height * in.width * in.channels; i++)
        in.data[i] = (double)input->in[i];
    for (int k = 0; k < network->layer_count; k++) {
        const struct px_layer *layer = &network->layers[k];
        float *w = values(checkpoint, k, PX_ROLE_WEIGHT);

        if (k > 0) {
            free(in.data);
            in = activated(layer->skip < 0 ? NULL : &results[layer->skip], &results[k - 1],
                           layer->kind == PX_LAYER_DOWN ? 0.2 : 0);
        }
        results[k] = convolve(layer, &in, w);
        finish(checkpoint, k, &results[k], input);
        free(w);
    }
    free(in.data);
    for (int k = 0; k + 1 < network->layer_count; k++)
        free(results[k].data);
    struct picture *last = &results[network->layer_count - 1];
    for (int i = 0; i < last->height * last->width * last->channels; i++)
        last->data[i] = tanh(last->data[i]);
    return last->data;
}
