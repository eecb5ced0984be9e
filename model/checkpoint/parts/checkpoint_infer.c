#include "model/checkpoint/parts/checkpoint_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What names and shapes tell of a network. */
struct facts {
    char architecture[32];
    const struct px_tensor *first, *last; /* convolution weights */
    int output_nc;
    enum px_norm norm;
    bool knows_dropout, dropout;
};

static int find_weight(const struct px_tensor **tensor, const struct px_tensor_list *list,
                       const char *name, struct px_error *err)
{
    *tensor = px_tensor_find(list, name);
    if (!*tensor)
        return px_fail(err, PX_E_FORMAT, "not a generator that is known: tensor '%s' is missing",
                       name);
    if ((*tensor)->ndim != 4)
        return px_fail(err, PX_E_FORMAT, "tensor '%s' has %d dimensions instead of 4", name,
                       (*tensor)->ndim);
    for (int i = 0; i < 4; i++)
        if ((*tensor)->shape[i] > INT32_MAX)
            return px_fail(err, PX_E_FORMAT, "tensor '%s': dimension %d is %lld", name, i,
                           (long long)(*tensor)->shape[i]);
    return 0;
}

/* PyTorch's code gives convolutions before a norm a bias for InstanceNorm only. */
static enum px_norm norm_of(const struct px_tensor_list *list, const char *norm_weight,
                            const char *conv_bias)
{
    if (px_tensor_find(list, norm_weight))
        return PX_NORM_BATCH;
    return px_tensor_find(list, conv_bias) ? PX_NORM_INSTANCE : PX_NORM_NONE;
}

/* How many levels of a U-Net are nested in each other, by their down convolutions. */
static int nesting(const struct px_tensor_list *list)
{
    char name[PX_NAME_MAX + 64] = "model.model.1.model.";
    int depth = 1;

    for (; depth <= PX_MAX_DEPTH; depth++) {
        size_t n = strlen(name);
        memcpy(name + n, "1.weight", sizeof "1.weight");
        if (!px_tensor_find(list, name))
            break;
        memcpy(name + n, "3.model.", sizeof "3.model.");
    }
    return depth;
}

/* A U-Net, or an encoder-decoder: there the last layer reads no more channels than the first one
 * gives. */
static int infer_unet(struct facts *facts, const struct px_tensor_list *list, struct px_error *err)
{
    int depth = nesting(list);
    int rc = find_weight(&facts->first, list, "model.model.0.weight", err);

    if (!rc)
        rc = find_weight(&facts->last, list, "model.model.3.weight", err);
    if (rc)
        return rc;
    if (depth < PX_MIN_DEPTH || depth > PX_MAX_DEPTH)
        return px_fail(err, PX_E_FORMAT,
                       "a U-Net of depth %d%s: %d (unet_32) to %d (unet_512) are known", depth,
                       depth > PX_MAX_DEPTH ? " or more" : "", PX_MIN_DEPTH, PX_MAX_DEPTH);
    bool skips = facts->last->shape[0] != facts->first->shape[0];
    snprintf(facts->architecture, sizeof facts->architecture, "%s_%d",
             skips ? "unet" : "encoder_decoder", 1 << depth);
    facts->output_nc = (int)facts->last->shape[1];
    facts->norm = norm_of(list, "model.model.1.model.2.weight", "model.model.1.model.1.bias");
    return 0;
}

/* Modules 10, 11, ... of a ResNet are its blocks. */
static int count_blocks(const struct px_tensor_list *list)
{
    char name[64];
    int blocks = 0;

    for (; blocks <= PX_MAX_BLOCKS; blocks++) {
        snprintf(name, sizeof name, "model.%d.conv_block.1.weight", 10 + blocks);
        if (!px_tensor_find(list, name))
            break;
    }
    return blocks;
}

static int infer_resnet(struct facts *facts, const struct px_tensor_list *list,
                        struct px_error *err)
{
    int blocks = count_blocks(list);
    char last[64];

    if (blocks > PX_MAX_BLOCKS)
        return px_fail(err, PX_E_FORMAT, "a ResNet of more than %d blocks", PX_MAX_BLOCKS);
    snprintf(last, sizeof last, "model.%d.weight", 10 + blocks + 7);
    int rc = find_weight(&facts->first, list, "model.1.weight", err);
    if (!rc)
        rc = find_weight(&facts->last, list, last, err);
    if (rc)
        return rc;
    snprintf(facts->architecture, sizeof facts->architecture, "resnet_%dblocks", blocks);
    facts->output_nc = (int)facts->last->shape[0];
    facts->norm = norm_of(list, "model.2.weight", "model.1.bias");
    /* A dropout layer moves the second convolution of a block from module 5 to 6. */
    facts->knows_dropout = true;
    facts->dropout = px_tensor_find(list, "model.10.conv_block.6.weight") &&
                     !px_tensor_find(list, "model.10.conv_block.5.weight");
    return 0;
}

static int infer(struct facts *facts, const struct px_tensor_list *list, struct px_error *err)
{
    *facts = (struct facts){0};
    if (px_tensor_find(list, "model.10.conv_block.1.weight"))
        return infer_resnet(facts, list, err);
    if (px_tensor_find(list, "model.0.weight") || px_tensor_find(list, "net.0.weight"))
        return px_fail(err, PX_E_FORMAT,
                       "this is a discriminator, which tells real pictures from fakes: give the "
                       "generator, usually latest_net_G");
    return infer_unet(facts, list, err);
}

/* Refuses an entry of the metadata that is there and is not what the tensors say. */
static int agree(const struct px_tensor_list *list, const char *key, const char *tensors_say,
                 struct px_error *err)
{
    const char *value = px_metadata_find(list, key);

    if (!value || strcmp(value, tensors_say) == 0)
        return 0;
    return px_fail(err, PX_E_FORMAT, "the metadata says %s '%.60s', but the tensors say '%s'", key,
                   value, tensors_say);
}

static int agree_number(const struct px_tensor_list *list, const char *key, int tensors_say,
                        struct px_error *err)
{
    char text[16];

    snprintf(text, sizeof text, "%d", tensors_say);
    return agree(list, key, text, err);
}

static int agree_all(const struct px_network *network, const struct px_tensor_list *list,
                     struct px_error *err)
{
    int rc = agree(list, "architecture", network->architecture, err);

    if (!rc)
        rc = agree_number(list, "ngf", network->ngf, err);
    if (!rc)
        rc = agree_number(list, "input_nc", network->input_nc, err);
    if (!rc)
        rc = agree_number(list, "output_nc", network->output_nc, err);
    if (!rc)
        rc = agree(list, "norm", px_norm_name(network->norm), err);
    if (!rc)
        rc = agree(list, "dropout", network->dropout ? "true" : "false", err);
    return rc;
}

/* What names and shapes do not tell: metadata, else the reference's defaults. */
static int read_metadata(struct px_network_options *options, const struct facts *facts,
                         const struct px_tensor_list *list, struct px_error *err)
{
    const char *dropout = px_metadata_find(list, "dropout");
    const char *crop_size = px_metadata_find(list, "crop_size");
    const char *direction = px_metadata_find(list, "direction");

    if (dropout && strcmp(dropout, "true") != 0 && strcmp(dropout, "false") != 0)
        return px_fail(err, PX_E_FORMAT, "metadata dropout '%.60s': must be true or false",
                       dropout);
    options->dropout =
        facts->knows_dropout ? facts->dropout : !dropout || strcmp(dropout, "true") == 0;
    options->direction = direction ? direction : "AtoB";
    if (!crop_size)
        return 0;
    size_t digits = strspn(crop_size, "0123456789");
    if (digits < 1 || digits > 6 || crop_size[digits] || atoi(crop_size) == 0)
        return px_fail(err, PX_E_FORMAT, "metadata crop_size '%.60s': must be a number of pixels",
                       crop_size);
    options->crop_size = atoi(crop_size);
    return 0;
}

int px_checkpoint_infer(struct px_network *network, const struct px_tensor_list *list,
                        struct px_error *err)
{
    struct px_error inner = {0};
    struct facts facts;
    int rc = infer(&facts, list, err);

    if (rc)
        return rc;
    struct px_network_options options = {
        .architecture = facts.architecture,
        .ngf = (int)facts.first->shape[0],
        .input_nc = (int)facts.first->shape[1],
        .output_nc = facts.output_nc,
        .norm = facts.norm,
    };
    rc = read_metadata(&options, &facts, list, err);
    if (rc)
        return rc;
    if (px_network_make(network, &options, &inner) != 0)
        return px_fail(err, PX_E_FORMAT, "%s", inner.message);
    return agree_all(network, list, err);
}
