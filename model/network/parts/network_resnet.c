#include "model/network/parts/network_parts.h"

#include <stdio.h>

enum { FIRST_BLOCK = 10 }; /* its module number in nn.Sequential; there are 9 before it */

/* Adds a layer that reads the one before it through a ReLU and keeps the size. */
static struct px_layer *add(struct px_network *network, int kernel, int in, int out)
{
    struct px_layer *layer = &network->layers[network->layer_count++];

    layer->in_channels = in;
    layer->out_channels = out;
    layer->kernel = kernel;
    layer->stride = 1;
    layer->pad = kernel / 2;
    layer->has_bias = network->norm == PX_NORM_INSTANCE;
    layer->has_norm = network->norm != PX_NORM_NONE;
    layer->skip = layer->residual = -1;
    return layer;
}

static void name_module(struct px_layer *layer, int module)
{
    snprintf(layer->conv, sizeof layer->conv, "model.%d", module);
    if (layer->has_norm)
        snprintf(layer->norm, sizeof layer->norm, "model.%d", module + 1);
}

/* 7x7, then two halvings. Modules: pad 0, conv 1, norm 2, relu 3, conv 4, ... */
static void add_encoder(struct px_network *network)
{
    int ngf = network->ngf;
    struct px_layer *layer = add(network, 7, network->input_nc, ngf);

    layer->reflect = true;
    layer->slope = 1.0f;
    name_module(layer, 1);
    for (int i = 0; i < 2; i++) {
        layer = add(network, 3, ngf << i, 2 * ngf << i);
        layer->stride = 2;
        name_module(layer, 4 + 3 * i);
    }
}

/* x + norm(conv(drop(relu(norm(conv(x)))))). The sum is not activated. Modules of a block: pad 0,
 * conv 1, norm 2, relu 3, with dropout 4, then pad, conv, norm. */
static void add_block(struct px_network *network, int block)
{
    int channels = 4 * network->ngf, module = FIRST_BLOCK + block;
    int second = network->dropout ? 6 : 5;

    for (int i = 0; i < 2; i++) {
        struct px_layer *layer = add(network, 3, channels, channels);
        int conv = i ? second : 1;

        layer->reflect = true;
        snprintf(layer->conv, sizeof layer->conv, "model.%d.conv_block.%d", module, conv);
        if (layer->has_norm)
            snprintf(layer->norm, sizeof layer->norm, "model.%d.conv_block.%d", module, conv + 1);
    }
    struct px_layer *last = &network->layers[network->layer_count - 1];
    last[-1].slope = block > 0 ? 1.0f : 0.0f; /* only the encoder ends in a ReLU */
    last[-1].has_dropout = network->dropout;
    last->residual = network->layer_count - 2;
}

/* Two doublings, then 7x7 without norm. */
static void add_decoder(struct px_network *network, int module)
{
    int ngf = network->ngf;
    struct px_layer *layer;

    for (int i = 1; i >= 0; i--) {
        layer = add(network, 3, 2 * ngf << i, ngf << i);
        layer->transposed = true;
        layer->stride = 2;
        layer->output_padding = 1;
        layer->slope = i == 1 ? 1.0f : 0.0f;
        name_module(layer, module);
        module += 3;
    }
    layer = add(network, 7, ngf, network->output_nc);
    layer->reflect = true;
    layer->has_bias = true;
    layer->has_norm = false;
    name_module(layer, module + 1); /* behind its pad */
}

void px_network_resnet_layers(struct px_network *network, int blocks)
{
    add_encoder(network);
    for (int block = 0; block < blocks; block++)
        add_block(network, block);
    add_decoder(network, FIRST_BLOCK + blocks);
}
