#include "model/checkpoint/quantise.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { LARGEST_WEIGHT = 127, LARGEST_UNSIGNED = 255, LARGEST_SIGNED = 127 };

int px_quantise_levels(const struct px_layer *layer)
{
    return layer->slope == 0 ? LARGEST_UNSIGNED : LARGEST_SIGNED;
}

/* The weights from one input channel to one output channel. */
struct pair {
    size_t out, in;
    size_t at; /* of its first weight */
};

static size_t pair_count(const struct px_layer *layer)
{
    return (size_t)layer->in_channels * (size_t)layer->out_channels;
}

static size_t taps_of(const struct px_layer *layer)
{
    return (size_t)(layer->kernel * layer->kernel);
}

static struct pair pair_at(const struct px_layer *layer, size_t i)
{
    size_t inner = (size_t)(layer->transposed ? layer->out_channels : layer->in_channels);
    size_t outer_index = i / inner, inner_index = i % inner;

    return (struct pair){.out = layer->transposed ? inner_index : outer_index,
                         .in = layer->transposed ? outer_index : inner_index,
                         .at = i * taps_of(layer)};
}

/* weight_scale[o] = the channel's largest |w * input_scale| / 127. */
static void find_scales(const struct px_layer *layer, const float *weights,
                        const float *input_scale, float *weight_scale)
{
    const size_t taps = taps_of(layer);

    memset(weight_scale, 0, (size_t)layer->out_channels * sizeof *weight_scale);
    for (size_t i = 0; i < pair_count(layer); i++) {
        struct pair pair = pair_at(layer, i);
        float largest = weight_scale[pair.out];
        for (size_t t = 0; t < taps; t++) {
            float size = fabsf(weights[pair.at + t] * input_scale[pair.in]);
            largest = largest > size ? largest : size;
        }
        weight_scale[pair.out] = largest;
    }
    for (int o = 0; o < layer->out_channels; o++) {
        weight_scale[o] /= LARGEST_WEIGHT;
        if (weight_scale[o] < FLT_MIN)
            weight_scale[o] = 1;
    }
}

static int8_t round_weight(float value)
{
    value = rintf(value);
    value = value > -LARGEST_WEIGHT ? value : -LARGEST_WEIGHT;
    return (int8_t)(value < LARGEST_WEIGHT ? value : LARGEST_WEIGHT);
}

void px_quantise(const struct px_layer *layer, const float *weights, const float *input_scale,
                 int8_t *q, float *weight_scale)
{
    const size_t taps = taps_of(layer);

    find_scales(layer, weights, input_scale, weight_scale);
    for (size_t i = 0; i < pair_count(layer); i++) {
        struct pair pair = pair_at(layer, i);
        float factor = input_scale[pair.in] / weight_scale[pair.out];
        for (size_t t = 0; t < taps; t++)
            q[pair.at + t] = round_weight(weights[pair.at + t] * factor);
    }
}

static float float_at(const struct px_tensor *tensor, size_t i)
{
    float value;

    memcpy(&value, (const uint8_t *)tensor->data + i * sizeof value, sizeof value);
    return value;
}

void px_dequantise(const struct px_layer *layer, const struct px_tensor *weight,
                   const struct px_tensor *weight_scale, const struct px_tensor *input_scale,
                   float *out)
{
    const size_t taps = taps_of(layer);
    const int8_t *q = weight->data;

    assert(weight->dtype == PX_S8);
    assert(weight_scale->dtype == PX_F32 && input_scale->dtype == PX_F32);

    for (size_t i = 0; i < pair_count(layer); i++) {
        struct pair pair = pair_at(layer, i);
        float factor = float_at(weight_scale, pair.out) / float_at(input_scale, pair.in);
        for (size_t t = 0; t < taps; t++)
            out[pair.at + t] = (float)q[pair.at + t] * factor;
    }
}
