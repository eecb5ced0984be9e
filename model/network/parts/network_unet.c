#include "model/network/parts/network_parts.h"

#include <stdio.h>
#include <string.h>

enum { DROPOUT_LEVEL = 5 }; /* the blocks from here in, but for the innermost, drop */

/* Channels that the down convolution of level 1.. (outermost first) puts out. */
static int level_channels(const struct px_network *network, int level)
{
    return network->ngf * (level < 4 ? 1 << (level - 1) : 8);
}

/* Names the convolution and the norm of a layer by their module numbers in nn.Sequential. Level 1
 * is the generator's own block; each deeper one is submodule 1 (of the outermost) or 3. */
static void name_layer(struct px_layer *layer, int level, int conv, int norm)
{
    char prefix[PX_NAME_MAX - 4] = "model.model.";
    size_t used = strlen(prefix);

    for (int i = 2; i <= level; i++) {
        memcpy(prefix + used, i == 2 ? "1.model." : "3.model.", sizeof "1.model.");
        used += strlen("1.model.");
    }
    snprintf(layer->conv, sizeof layer->conv, "%s%d", prefix, conv);
    if (layer->has_norm)
        snprintf(layer->norm, sizeof layer->norm, "%s%d", prefix, norm);
}

/* What all layers have in common. */
static void make_conv(struct px_layer *layer)
{
    layer->kernel = 4;
    layer->stride = 2;
    layer->pad = 1;
    layer->skip = layer->residual = -1;
}

static void make_down(struct px_layer *layer, const struct px_network *network, int level)
{
    bool first = level == 1;

    make_conv(layer);
    layer->slope = first ? 1.0f : 0.2f;
    layer->in_channels = first ? network->input_nc : level_channels(network, level - 1);
    layer->out_channels = level_channels(network, level);
    layer->has_bias = network->norm == PX_NORM_INSTANCE;
    layer->has_norm = network->norm != PX_NORM_NONE && !first && level != network->depth;
    name_layer(layer, level, first ? 0 : 1, 2);
}

static void make_up(struct px_layer *layer, const struct px_network *network, int level, bool skips)
{
    bool last = level == 1;
    bool innermost = level == network->depth;

    make_conv(layer);
    layer->transposed = true;
    layer->slope = 0.0f;
    layer->in_channels = level_channels(network, level) * (skips && !innermost ? 2 : 1);
    layer->out_channels = last ? network->output_nc : level_channels(network, level - 1);
    layer->has_bias = network->norm == PX_NORM_INSTANCE || last;
    layer->has_norm = network->norm != PX_NORM_NONE && !last;
    layer->has_dropout = network->dropout && level >= DROPOUT_LEVEL && !innermost;
    if (skips && !innermost)
        layer->skip = level - 1;
    name_layer(layer, level, last || innermost ? 3 : 5, innermost ? 4 : 6);
}

/* Layers 0..L-1 go down, outermost first, L..2L-1 up, innermost first. */
void px_network_unet_layers(struct px_network *network, bool skips)
{
    network->layer_count = 2 * network->depth;
    for (int level = 1; level <= network->depth; level++) {
        make_down(&network->layers[level - 1], network, level);
        make_up(&network->layers[2 * network->depth - level], network, level, skips);
    }
}
