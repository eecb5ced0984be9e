#include "model/network.h"

#include <stdio.h>
#include <string.h>

enum { PX_DROPOUT_LEVEL = 5, PX_MAX_NGF = 1024, PX_MAX_CHANNELS = 64, PX_MAX_CROP = 8192 };

int px_network_depth_of(const char *architecture)
{
    char name[32];

    for (int depth = PX_MIN_DEPTH; depth <= PX_MAX_DEPTH; depth++) {
        snprintf(name, sizeof name, "unet_%d", 1 << depth);
        if (strcmp(name, architecture) == 0)
            return depth;
    }
    return 0;
}

const char *px_norm_name(enum px_norm norm)
{
    switch (norm) {
    case PX_NORM_BATCH:
        return "batch";
    case PX_NORM_INSTANCE:
        return "instance";
    case PX_NORM_NONE:
        break;
    }
    return "none";
}

int px_network_multiple(const struct px_network *network)
{
    return 1 << network->depth;
}

static int check_options(const struct px_network_options *o, struct px_error *err)
{
    if (o->depth < PX_MIN_DEPTH || o->depth > PX_MAX_DEPTH)
        return px_fail(err, PX_E_INVALID, "a U-Net of depth %d: use %d (unet_32) to %d (unet_512)",
                       o->depth, PX_MIN_DEPTH, PX_MAX_DEPTH);
    if (o->ngf < 1 || o->ngf > PX_MAX_NGF)
        return px_fail(err, PX_E_INVALID, "ngf %d: use 1 to %d", o->ngf, PX_MAX_NGF);
    if (o->input_nc < 1 || o->input_nc > PX_MAX_CHANNELS)
        return px_fail(err, PX_E_INVALID, "input_nc %d: use 1 to %d", o->input_nc, PX_MAX_CHANNELS);
    if (o->output_nc < 1 || o->output_nc > PX_MAX_CHANNELS)
        return px_fail(err, PX_E_INVALID, "output_nc %d: use 1 to %d", o->output_nc,
                       PX_MAX_CHANNELS);
    if (o->norm != PX_NORM_BATCH && o->norm != PX_NORM_INSTANCE && o->norm != PX_NORM_NONE)
        return px_fail(err, PX_E_INVALID, "norm %d: use batch, instance or none", (int)o->norm);
    if (o->crop_size < 1 || o->crop_size > PX_MAX_CROP || o->crop_size % (1 << o->depth) != 0)
        return px_fail(err, PX_E_INVALID, "crop_size %d: use a multiple of %d up to %d",
                       o->crop_size, 1 << o->depth, PX_MAX_CROP);
    if (!o->direction || (strcmp(o->direction, "AtoB") != 0 && strcmp(o->direction, "BtoA") != 0))
        return px_fail(err, PX_E_INVALID, "direction '%.20s': use AtoB or BtoA",
                       o->direction ? o->direction : "");
    return 0;
}

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

static void make_down(struct px_layer *layer, const struct px_network *network, int level)
{
    bool first = level == 1;

    layer->kind = PX_LAYER_DOWN;
    layer->in_channels = first ? network->input_nc : level_channels(network, level - 1);
    layer->out_channels = level_channels(network, level);
    layer->has_bias = network->norm == PX_NORM_INSTANCE;
    layer->has_norm = network->norm != PX_NORM_NONE && !first && level != network->depth;
    layer->skip = -1;
    name_layer(layer, level, first ? 0 : 1, 2);
}

static void make_up(struct px_layer *layer, const struct px_network *network, int level)
{
    bool last = level == 1;
    bool innermost = level == network->depth;

    layer->kind = PX_LAYER_UP;
    layer->in_channels = level_channels(network, level) * (innermost ? 1 : 2);
    layer->out_channels = last ? network->output_nc : level_channels(network, level - 1);
    layer->has_bias = network->norm == PX_NORM_INSTANCE || last;
    layer->has_norm = network->norm != PX_NORM_NONE && !last;
    layer->has_dropout = network->dropout && level >= PX_DROPOUT_LEVEL && !innermost;
    layer->skip = innermost ? -1 : level - 1;
    name_layer(layer, level, last || innermost ? 3 : 5, innermost ? 4 : 6);
}

int px_network_unet(struct px_network *network, const struct px_network_options *options,
                    struct px_error *err)
{
    int rc = check_options(options, err);

    if (rc)
        return rc;
    *network = (struct px_network){
        .depth = options->depth,
        .ngf = options->ngf,
        .input_nc = options->input_nc,
        .output_nc = options->output_nc,
        .norm = options->norm,
        .dropout = options->dropout,
        .crop_size = options->crop_size,
        .layer_count = 2 * options->depth,
    };
    snprintf(network->architecture, sizeof network->architecture, "unet_%d", 1 << options->depth);
    snprintf(network->direction, sizeof network->direction, "%s", options->direction);
    for (int level = 1; level <= network->depth; level++) {
        make_down(&network->layers[level - 1], network, level);
        make_up(&network->layers[2 * network->depth - level], network, level);
    }
    return 0;
}

/* Where px_network_tensors() writes, and how far it has come. */
struct spec_list {
    struct px_tensor_spec *specs;
    size_t room, count;
};

static void add(struct spec_list *list, const struct px_network *network, int index,
                enum px_tensor_role role)
{
    static const char *const suffixes[] = {
        [PX_ROLE_WEIGHT] = "weight",
        [PX_ROLE_BIAS] = "bias",
        [PX_ROLE_GAMMA] = "weight",
        [PX_ROLE_BETA] = "bias",
        [PX_ROLE_RUNNING_MEAN] = "running_mean",
        [PX_ROLE_RUNNING_VAR] = "running_var",
        [PX_ROLE_BATCHES] = "num_batches_tracked",
    };
    const struct px_layer *layer = &network->layers[index];
    bool of_conv = role == PX_ROLE_WEIGHT || role == PX_ROLE_BIAS;

    if (list->count++ >= list->room)
        return;
    struct px_tensor_spec *spec = &list->specs[list->count - 1];
    *spec = (struct px_tensor_spec){.role = role, .layer = index};
    snprintf(spec->name, sizeof spec->name, "%s.%s", of_conv ? layer->conv : layer->norm,
             suffixes[role]);
    if (role == PX_ROLE_BATCHES)
        return;
    spec->shape[spec->ndim++] = layer->out_channels;
    if (role != PX_ROLE_WEIGHT)
        return;
    if (layer->kind == PX_LAYER_UP)
        spec->shape[0] = layer->in_channels;
    spec->shape[1] = layer->kind == PX_LAYER_UP ? layer->out_channels : layer->in_channels;
    spec->shape[2] = spec->shape[3] = 4;
    spec->ndim = 4;
}

size_t px_network_tensors(const struct px_network *network, struct px_tensor_spec *specs,
                          size_t room)
{
    struct spec_list list = {specs, room, 0};

    for (int i = 0; i < network->layer_count; i++) {
        add(&list, network, i, PX_ROLE_WEIGHT);
        if (network->layers[i].has_bias)
            add(&list, network, i, PX_ROLE_BIAS);
        if (!network->layers[i].has_norm || network->norm != PX_NORM_BATCH)
            continue;
        for (int role = PX_ROLE_GAMMA; role <= PX_ROLE_BATCHES; role++)
            add(&list, network, i, (enum px_tensor_role)role);
    }
    return list.count;
}

size_t px_network_parameters(const struct px_network *network)
{
    size_t sum = 0;

    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *layer = &network->layers[i];
        size_t out = (size_t)layer->out_channels;
        sum += (size_t)layer->in_channels * out * 16;
        sum += layer->has_bias ? out : 0;
        sum += layer->has_norm && network->norm == PX_NORM_BATCH ? 2 * out : 0;
    }
    return sum;
}
