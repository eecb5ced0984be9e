#include "model/int8/ranges.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
#include "model/checkpoint/quantise.h"

/* Channels smaller than this part of the largest count as this large: what they hold is noise. */
static const float least_part = 1.0f / 1024;

struct px_ranges {
    struct px_network network;
    uint32_t *largest[PX_MAX_LAYERS]; /* [in], the bits of a float */
};

int px_ranges_create(struct px_ranges **out, const struct px_network *network, struct px_error *err)
{
    struct px_ranges *ranges = calloc(1, sizeof *ranges);

    if (!ranges)
        return px_fail(err, PX_E_NOMEM, "no memory for ranges");
    ranges->network = *network;
    for (int i = 0; i < network->layer_count; i++) {
        ranges->largest[i] =
            calloc((size_t)network->layers[i].in_channels, sizeof *ranges->largest[i]);
        if (!ranges->largest[i]) {
            px_ranges_destroy(ranges);
            return px_fail(err, PX_E_NOMEM, "no memory for ranges");
        }
    }
    *out = ranges;
    return 0;
}

void px_ranges_destroy(struct px_ranges *ranges)
{
    if (!ranges)
        return;
    for (int i = 0; i < PX_MAX_LAYERS; i++)
        free(ranges->largest[i]);
    free(ranges);
}

/* The bits of |x|, compared as whole numbers, are in the order of |x|, and NaNs above infinity. */
PX_CLONES static void grow(const uint32_t *x, size_t count, size_t channels, uint32_t *largest)
{
    for (size_t at = 0; at < count; at += channels)
        for (size_t c = 0; c < channels; c++) {
            uint32_t size = x[at + c] & 0x7fffffffu;
            largest[c] = largest[c] > size ? largest[c] : size;
        }
}

static void *see(void *context, int layer, const struct px_grid *in)
{
    struct px_ranges *ranges = context;

    assert(in->dtype == PX_F32 && in->channels == ranges->network.layers[layer].in_channels);
    grow(in->data, px_grid_elements(in), (size_t)in->channels, ranges->largest[layer]);
    return NULL;
}

struct px_observer px_ranges_observer(struct px_ranges *ranges)
{
    return (struct px_observer){see, ranges};
}

int px_ranges_scales(const struct px_ranges *ranges, int layer, float *input_scale,
                     struct px_error *err)
{
    const struct px_layer *l = &ranges->network.layers[layer];
    const float levels = (float)px_quantise_levels(l);
    float most = 0;

    memcpy(input_scale, ranges->largest[layer], (size_t)l->in_channels * sizeof *input_scale);
    for (int c = 0; c < l->in_channels; c++) {
        if (!isfinite(input_scale[c]))
            return px_fail(err, PX_E_FORMAT, "layer %s reads numbers that are not finite", l->conv);
        most = fmaxf(most, input_scale[c]);
    }
    for (int c = 0; c < l->in_channels; c++) {
        float scale = sqrtf(fmaxf(input_scale[c], most * least_part)) * sqrtf(most) / levels;
        input_scale[c] = isnormal(scale) ? scale : 1;
    }
    return 0;
}
