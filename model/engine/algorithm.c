#include "model/engine/algorithm.h"

#include <stddef.h>

enum {
    INNER = 3,        /* the kernel of a ResNet's blocks, in which pictures may have odd sides */
    FEW_CHANNELS = 4, /* channels of which four times as many fit one vector */
    /* Values of a result from which on it is faster to take one picture after the other through all
     * such layers than to take all pictures through one layer after the other: what flows between
     * two layers then stays in the caches, but the weights are read for each picture. unet_256 in
     * int8, 8 pictures, Zen 4, median of three medians, 4 threads and 1: 82 and 288 ms, without
     * this 88 and 325, from a third of this number on 89 and 308. */
    ALONE = 1 << 17,
    MOST = 64,             /* channels that a picture can have */
    CACHED_TAPS = 1 << 20, /* floats: 4 MB, which the caches of a few cores hold */
};

const char *px_algorithm_name(enum px_algorithm algorithm)
{
    static const char *const names[] = {[PX_ALGORITHM_NATIVE] = "native",
                                        [PX_ALGORITHM_FOURFOLD] = "fourfold",
                                        [PX_ALGORITHM_BACKWARD] = "backward",
                                        [PX_ALGORITHM_PAIRS] = "pairs",
                                        [PX_ALGORITHM_TAPS] = "taps"};

    return names[algorithm];
}

/* Whether a layer of the decoder keeps the number of channels of the one before: those are at the
 * bottom of a network, where pictures are small. The last layer never is: pictures have at most 64
 * channels. */
static bool is_inner(const struct px_layer *l)
{
    return l->out_channels > MOST && l->in_channels <= (l->skip < 0 ? 1 : 2) * l->out_channels;
}

enum px_algorithm px_algorithm_of(const struct px_layer *l)
{
    if (!l->transposed)
        return l->stride == 1 && l->reflect && l->kernel > INNER && l->out_channels <= FEW_CHANNELS
                   ? PX_ALGORITHM_PAIRS
                   : PX_ALGORITHM_NATIVE;
    if (l->kernel == 4 && l->stride == 2 && l->pad == 1 && l->output_padding == 0)
        return is_inner(l) ? PX_ALGORITHM_TAPS : PX_ALGORITHM_FOURFOLD;
    return PX_ALGORITHM_BACKWARD;
}

bool px_algorithm_has_int8(const struct px_network *network, int layer)
{
    return layer > 0 && px_algorithm_of(&network->layers[layer]) != PX_ALGORITHM_BACKWARD;
}

int px_algorithm_border(const struct px_layer *layer)
{
    return layer->reflect ? layer->pad : 0;
}

struct px_grid px_algorithm_result(const struct px_layer *layer, const struct px_grid *in,
                                   enum px_dtype dtype)
{
    enum px_algorithm algorithm = px_algorithm_of(layer);

    return (struct px_grid){.dtype = dtype,
                            .n = in->n,
                            .height = px_layer_side(layer, in->height),
                            .width = px_layer_side(layer, in->width),
                            .channels = layer->out_channels,
                            .depth_to_space = px_algorithm_repeats(algorithm) == 4,
                            .border = algorithm == PX_ALGORITHM_FOURFOLD ? 1 : 0};
}

int px_algorithm_pictures(const struct px_layer *layer, const struct px_grid *result)
{
    size_t values = (size_t)result->height * (size_t)result->width * (size_t)result->channels;

    return px_algorithm_of(layer) == PX_ALGORITHM_BACKWARD || values > ALONE ? 1 : result->n;
}

struct px_conv_desc px_algorithm_conv(const struct px_layer *layer, const struct px_grid *in,
                                      const struct px_grid *result)
{
    enum px_algorithm algorithm = px_algorithm_of(layer);
    struct px_conv_desc desc = {.pass = PX_CONV_FORWARD,
                                .n = px_algorithm_pictures(layer, result),
                                .ih = in->height + 2 * in->border,
                                .iw = in->width + 2 * in->border,
                                .ic = layer->in_channels,
                                .oc = px_algorithm_repeats(algorithm) * layer->out_channels,
                                .kernel = layer->kernel,
                                .stride = layer->stride,
                                .pad = layer->pad - in->border,
                                .src = in->dtype,
                                .weights = in->dtype == PX_U8 ? PX_S8 : in->dtype,
                                .dst = result->dtype};

    if (algorithm == PX_ALGORITHM_TAPS) {
        desc.n = desc.ih = 1;
        desc.iw = px_algorithm_at_once(layer, result) * in->height * in->width;
        desc.kernel = desc.stride = 1;
        desc.pad = 0;
        desc.dst = PX_F32;
    } else if (algorithm == PX_ALGORITHM_FOURFOLD) {
        desc.kernel = 2;
        desc.stride = 1;
    } else if (algorithm == PX_ALGORITHM_PAIRS) {
        desc.kernel = layer->kernel + 1;
        desc.stride = 2;
    } else if (algorithm == PX_ALGORITHM_BACKWARD) { /* source and destination change places */
        desc.pass = PX_CONV_BACKWARD_DATA;
        desc.ih = result->height;
        desc.iw = result->width;
        desc.ic = layer->out_channels;
        desc.oc = layer->in_channels;
        desc.src = result->dtype;
        desc.dst = in->dtype;
    }
    desc.winograd = px_conv_winograd(&desc);
    return desc;
}

/* Floats of the taps of n pictures. */
static size_t taps_of(const struct px_grid *result, int n)
{
    return 4 * px_grid_elements(result) / (size_t)result->n * (size_t)n;
}

int px_algorithm_at_once(const struct px_layer *layer, const struct px_grid *result)
{
    int all = px_algorithm_pictures(layer, result), n = all;

    if (px_algorithm_of(layer) == PX_ALGORITHM_TAPS)
        while (n > 1 && (all % n != 0 || taps_of(result, n) > CACHED_TAPS))
            n--;
    return n;
}

size_t px_algorithm_taps(const struct px_layer *layer, const struct px_grid *result)
{
    if (px_algorithm_of(layer) != PX_ALGORITHM_TAPS)
        return 0;
    return taps_of(result, px_algorithm_at_once(layer, result));
}

bool px_algorithm_has_bias(enum px_algorithm algorithm)
{
    return algorithm != PX_ALGORITHM_BACKWARD && algorithm != PX_ALGORITHM_TAPS;
}

int px_algorithm_repeats(enum px_algorithm algorithm)
{
    switch (algorithm) {
    case PX_ALGORITHM_FOURFOLD:
    case PX_ALGORITHM_PAIRS:
        return 4;
    case PX_ALGORITHM_TAPS:
        return 16;
    case PX_ALGORITHM_NATIVE:
    case PX_ALGORITHM_BACKWARD:
        break;
    }
    return 1;
}

size_t px_algorithm_weights(const struct px_layer *l)
{
    size_t channels = (size_t)l->in_channels * (size_t)l->out_channels;
    size_t kernel = (size_t)l->kernel;

    switch (px_algorithm_of(l)) {
    case PX_ALGORITHM_FOURFOLD:
        return 4 * channels * 4;
    case PX_ALGORITHM_PAIRS:
        return 4 * channels * (kernel + 1) * (kernel + 1);
    case PX_ALGORITHM_NATIVE:
    case PX_ALGORITHM_BACKWARD:
    case PX_ALGORITHM_TAPS:
        break;
    }
    return channels * kernel * kernel;
}

/* [out][in][k][k] times scale[out]. */
static void scale_native(const struct px_layer *layer, const float *from, const float *scale,
                         float *to)
{
    size_t each = (size_t)layer->in_channels * (size_t)(layer->kernel * layer->kernel);

#pragma omp parallel for schedule(static)
    for (int o = 0; o < layer->out_channels; o++)
        for (size_t i = 0; i < each; i++)
            to[(size_t)o * each + i] = from[(size_t)o * each + i] * scale[o];
}

/* [in][out][k][k], which is how the convolution that runs backward has them, times scale[out]. */
static void scale_backward(const struct px_layer *layer, const float *from, const float *scale,
                           float *to)
{
    size_t out = (size_t)layer->out_channels, taps = (size_t)(layer->kernel * layer->kernel);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < layer->in_channels; i++)
        for (size_t o = 0; o < out; o++)
            for (size_t t = 0; t < taps; t++) {
                size_t at = ((size_t)i * out + o) * taps + t;

                to[at] = from[at] * scale[o];
            }
}

/* ConvTranspose2d's [in][out][4][4] -> [(2 sy + sx) * out][in][2][2]: output row 2m takes taps 1
 * and 3 of rows m and m-1, row 2m+1 taps 0 and 2 of rows m+1 and m. In the frame with a border of
 * one, half s of line t takes tap (t == 0 ? 2 : 0) + s. */
static void arrange_fourfold(const struct px_layer *layer, const float *from, const float *scale,
                             float *to)
{
    size_t in = (size_t)layer->in_channels, out = (size_t)layer->out_channels;

#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < out; c++)
        for (size_t i = 0; i < in; i++) {
            const float *tap = from + (i * out + c) * 16;

            for (size_t slot = 0; slot < 4; slot++)
                for (size_t t = 0; t < 4; t++) {
                    size_t y = (t / 2 ? 0 : 2) + slot / 2, x = (t % 2 ? 0 : 2) + slot % 2;

                    to[((slot * out + c) * in + i) * 4 + t] = tap[4 * y + x] * scale[c];
                }
        }
}

/* ConvTranspose2d's [in][out][4][4] -> [(4 ky + kx) * out][in]. */
static void arrange_taps(const struct px_layer *layer, const float *from, const float *scale,
                         float *to)
{
    size_t in = (size_t)layer->in_channels, out = (size_t)layer->out_channels;

#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < out; c++)
        for (size_t i = 0; i < in; i++)
            for (size_t tap = 0; tap < 16; tap++)
                to[(tap * out + c) * in + i] = from[(i * out + c) * 16 + tap] * scale[c];
}

/* Conv2d's [out][in][k][k] -> [(2 sy + sx) * out][in][k + 1][k + 1], moved by (sy, sx). */
static void arrange_pairs(const struct px_layer *layer, const float *from, const float *scale,
                          float *to)
{
    size_t in = (size_t)layer->in_channels, out = (size_t)layer->out_channels;
    size_t kernel = (size_t)layer->kernel, wide = kernel + 1;

    for (size_t slot = 0; slot < 4; slot++)
        for (size_t c = 0; c < out; c++)
            for (size_t i = 0; i < in; i++)
                for (size_t t = 0; t < wide * wide; t++) {
                    size_t y = t / wide - slot / 2, x = t % wide - slot % 2; /* wraps below 0 */
                    float tap = 0;

                    if (y < kernel && x < kernel)
                        tap = from[((c * in + i) * kernel + y) * kernel + x] * scale[c];
                    to[((slot * out + c) * in + i) * wide * wide + t] = tap;
                }
}

void px_algorithm_arrange(const struct px_layer *layer, const float *from, const float *scale,
                          float *to)
{
    switch (px_algorithm_of(layer)) {
    case PX_ALGORITHM_NATIVE:
        scale_native(layer, from, scale, to);
        break;
    case PX_ALGORITHM_FOURFOLD:
        arrange_fourfold(layer, from, scale, to);
        break;
    case PX_ALGORITHM_BACKWARD:
        scale_backward(layer, from, scale, to);
        break;
    case PX_ALGORITHM_TAPS:
        arrange_taps(layer, from, scale, to);
        break;
    case PX_ALGORITHM_PAIRS:
        arrange_pairs(layer, from, scale, to);
        break;
    }
}
