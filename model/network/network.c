#include "model/network/parts/network_parts.h"

#include <stdio.h>
#include <string.h>

enum { PX_MAX_NGF = 1024, PX_MAX_CHANNELS = 64, PX_MAX_CROP = 8192 };
enum { RESNET_DEPTH = 2, RESNET_CROP = 256 };

/* What an architecture's name says. */
struct family {
    int depth;  /* 0: no such architecture */
    int blocks; /* 0: no ResNet */
    bool skips;
};

static struct family family_of(const char *architecture)
{
    char name[32];

    for (int depth = PX_MIN_DEPTH; depth <= PX_MAX_DEPTH; depth++) {
        snprintf(name, sizeof name, "unet_%d", 1 << depth);
        if (strcmp(name, architecture) == 0)
            return (struct family){.depth = depth, .skips = true};
        snprintf(name, sizeof name, "encoder_decoder_%d", 1 << depth);
        if (strcmp(name, architecture) == 0)
            return (struct family){.depth = depth};
    }
    for (int blocks = 1; blocks <= PX_MAX_BLOCKS; blocks++) {
        snprintf(name, sizeof name, "resnet_%dblocks", blocks);
        if (strcmp(name, architecture) == 0)
            return (struct family){.depth = RESNET_DEPTH, .blocks = blocks};
    }
    return (struct family){0};
}

int px_network_depth_of(const char *architecture)
{
    return family_of(architecture).depth;
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

int px_network_min_side(const struct px_network *network)
{
    int least = px_network_multiple(network), halvings = 0;

    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *layer = &network->layers[i];

        if (layer->reflect)
            while (least >> halvings <= layer->pad)
                least += px_network_multiple(network);
        if (layer->stride == 2)
            halvings += layer->transposed ? -1 : 1;
    }
    return least;
}

int px_layer_side(const struct px_layer *l, int side)
{
    if (l->transposed)
        return (side - 1) * l->stride - 2 * l->pad + l->kernel + l->output_padding;
    return (side + 2 * l->pad - l->kernel) / l->stride + 1;
}

int px_network_check_pictures(const struct px_network *network, struct px_error *err)
{
    if (network->input_nc <= 4 && network->output_nc <= 4)
        return 0;
    return px_fail(err, PX_E_FORMAT,
                   "the network takes %d channels and gives %d; pictures have 1 to 4",
                   network->input_nc, network->output_nc);
}

static int check_options(const struct px_network_options *o, int depth, struct px_error *err)
{
    if (!depth)
        return px_fail(err, PX_E_INVALID,
                       "architecture '%.40s': use unet_32 to unet_512, encoder_decoder_32 to "
                       "encoder_decoder_512 or resnet_1blocks to resnet_%dblocks",
                       o->architecture ? o->architecture : "", PX_MAX_BLOCKS);
    if (o->ngf < 1 || o->ngf > PX_MAX_NGF)
        return px_fail(err, PX_E_INVALID, "ngf %d: use 1 to %d", o->ngf, PX_MAX_NGF);
    if (o->input_nc < 1 || o->input_nc > PX_MAX_CHANNELS)
        return px_fail(err, PX_E_INVALID, "input_nc %d: use 1 to %d", o->input_nc, PX_MAX_CHANNELS);
    if (o->output_nc < 1 || o->output_nc > PX_MAX_CHANNELS)
        return px_fail(err, PX_E_INVALID, "output_nc %d: use 1 to %d", o->output_nc,
                       PX_MAX_CHANNELS);
    if (o->norm != PX_NORM_BATCH && o->norm != PX_NORM_INSTANCE && o->norm != PX_NORM_NONE)
        return px_fail(err, PX_E_INVALID, "norm %d: use batch, instance or none", (int)o->norm);
    if (o->crop_size < 0 || o->crop_size > PX_MAX_CROP || o->crop_size % (1 << depth) != 0)
        return px_fail(err, PX_E_INVALID, "crop_size %d: use a multiple of %d up to %d",
                       o->crop_size, 1 << depth, PX_MAX_CROP);
    if (!o->direction || (strcmp(o->direction, "AtoB") != 0 && strcmp(o->direction, "BtoA") != 0))
        return px_fail(err, PX_E_INVALID, "direction '%.20s': use AtoB or BtoA",
                       o->direction ? o->direction : "");
    return 0;
}

int px_network_make(struct px_network *network, const struct px_network_options *options,
                    struct px_error *err)
{
    struct family family = {0};

    if (options->architecture)
        family = family_of(options->architecture);
    int rc = check_options(options, family.depth, err);
    if (rc)
        return rc;
    *network = (struct px_network){
        .depth = family.depth,
        .ngf = options->ngf,
        .input_nc = options->input_nc,
        .output_nc = options->output_nc,
        .norm = options->norm,
        .dropout = options->dropout,
        .crop_size = options->crop_size,
    };
    if (!options->crop_size)
        network->crop_size = family.blocks ? RESNET_CROP : 1 << family.depth;
    snprintf(network->architecture, sizeof network->architecture, "%s", options->architecture);
    snprintf(network->direction, sizeof network->direction, "%s", options->direction);
    if (family.blocks)
        px_network_resnet_layers(network, family.blocks);
    else
        px_network_unet_layers(network, family.skips);
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
        [PX_ROLE_WEIGHT_SCALE] = "weight_scale",
        [PX_ROLE_INPUT_SCALE] = "input_scale",
    };
    const struct px_layer *layer = &network->layers[index];
    bool of_conv = role == PX_ROLE_WEIGHT || role == PX_ROLE_BIAS || role >= PX_ROLE_WEIGHT_SCALE;

    if (list->count++ >= list->room)
        return;
    struct px_tensor_spec *spec = &list->specs[list->count - 1];
    *spec = (struct px_tensor_spec){.role = role, .layer = index};
    snprintf(spec->name, sizeof spec->name, "%s.%s", of_conv ? layer->conv : layer->norm,
             suffixes[role]);
    if (role == PX_ROLE_BATCHES)
        return;
    spec->shape[spec->ndim++] =
        role == PX_ROLE_INPUT_SCALE ? layer->in_channels : layer->out_channels;
    if (role != PX_ROLE_WEIGHT)
        return;
    if (layer->transposed)
        spec->shape[0] = layer->in_channels;
    spec->shape[1] = layer->transposed ? layer->out_channels : layer->in_channels;
    spec->shape[2] = spec->shape[3] = layer->kernel;
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

size_t px_network_scales(const struct px_network *network, struct px_tensor_spec *specs,
                         size_t room)
{
    struct spec_list list = {specs, room, 0};

    for (int i = 0; i < network->layer_count; i++) {
        add(&list, network, i, PX_ROLE_WEIGHT_SCALE);
        add(&list, network, i, PX_ROLE_INPUT_SCALE);
    }
    return list.count;
}

size_t px_network_parameters(const struct px_network *network)
{
    size_t sum = 0;

    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *layer = &network->layers[i];
        size_t out = (size_t)layer->out_channels;
        sum += (size_t)layer->in_channels * out * (size_t)(layer->kernel * layer->kernel);
        sum += layer->has_bias ? out : 0;
        sum += layer->has_norm && network->norm == PX_NORM_BATCH ? 2 * out : 0;
    }
    return sum;
}
