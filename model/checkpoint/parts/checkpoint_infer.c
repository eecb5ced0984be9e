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

static bool is_known(const struct px_tensor_spec *specs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(specs[i].name, name) == 0)
            return true;
    return false;
}

/* The file's first tensor; if that has a known name, the first by name that has not. */
static const char *first_stranger(const struct px_tensor_list *list,
                                  const struct px_tensor_spec *specs, size_t count)
{
    const char *first = list->first ? list->first : list->tensors[0].name;

    if (!is_known(specs, count, first))
        return first;
    for (size_t i = 0; i < list->count; i++)
        if (!is_known(specs, count, list->tensors[i].name))
            return list->tensors[i].name;
    return first;
}

/* Explains what is there instead of a known generator. */
static int refuse_stranger(const struct px_tensor_list *list, const char *missing,
                           struct px_error *err)
{
    static const char *const known[] = {"unet_512", "resnet_9blocks"};
    struct px_tensor_spec specs[2 * PX_MAX_LAYERS * PX_ROLE_COUNT];
    const size_t room = sizeof specs / sizeof *specs;
    size_t count = 0;

    if (list->count == 0)
        return px_fail(err, PX_E_FORMAT, "the file holds no tensors");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct px_network network;
        const struct px_network_options options = {known[i],      64,   3, 3,
                                                   PX_NORM_BATCH, true, 0, "AtoB"};
        if (px_network_make(&network, &options, NULL) == 0)
            count += px_network_tensors(&network, specs + count, room - count);
    }
    const char *first = first_stranger(list, specs, count);
    return px_fail(err, PX_E_FORMAT,
                   "not a known generator: tensor '%s' is missing; the first tensor that does "
                   "not fit is '%.100s', and the known name nearest to that is '%s'",
                   missing, first, px_checkpoint_nearest(specs, count, first));
}

static int find_weight(const struct px_tensor **tensor, const struct px_tensor_list *list,
                       const char *name, struct px_error *err)
{
    *tensor = px_tensor_find(list, name);
    if (!*tensor)
        return refuse_stranger(list, name, err);
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

static bool is_one_of(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(value, *words) == 0)
            return true;
    return false;
}

static bool is_number(const char *value)
{
    size_t digits = strspn(value, "0123456789");

    return digits >= 1 && digits <= 6 && !value[digits] && value[0] != '0';
}

/* The words that px_checkpoint_save() writes. */
static const char *const norms[] = {"batch", "instance", "none", NULL};
static const char *const booleans[] = {"true", "false", NULL};
static const char *const directions[] = {"AtoB", "BtoA", NULL};
static const char *const test_norms[] = {"batch", "running", NULL};

bool px_checkpoint_is_own(const struct px_tensor_list *list)
{
    static const struct {
        const char *key;
        const char *const *words; /* NULL: a number */
    } keys[] = {{"norm", norms},           {"dropout", booleans}, {"direction", directions},
                {"test_norm", test_norms}, {"ngf", NULL},         {"input_nc", NULL},
                {"output_nc", NULL},       {"crop_size", NULL}};
    const char *architecture = px_metadata_find(list, "architecture");

    if (architecture)
        return px_network_depth_of(architecture) > 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = px_metadata_find(list, keys[i].key);
        if (value && !(keys[i].words ? is_one_of(value, keys[i].words) : is_number(value)))
            return false;
    }
    return true;
}

/* The metadata of a file, and what has become of it. */
struct reader {
    const struct px_tensor_list *list;
    const struct px_network *network; /* what the tensors show */
    struct px_checkpoint_notes *notes;
    bool own;
    struct px_error *err;
};

/* A value that means nothing here: an error in our own files, a note in those of others. */
static int not_understood(const struct reader *r, const char *key, const char *must_be)
{
    const char *value = px_metadata_find(r->list, key);

    if (r->own)
        return px_fail(r->err, PX_E_FORMAT, "metadata %s '%.60s': must be %s", key, value, must_be);
    px_checkpoint_note(r->notes, "the metadata %s '%.60s' is ignored: it is not %s", key, value,
                       must_be);
    return 0;
}

/* Refuses an entry of the metadata that contradicts the tensors. In a file that is not ours only
 * words that we use too can contradict them (`known`): shapes prove numbers, whatever is said. */
static int agree(const struct reader *r, const char *key, const char *tensors_say, bool known)
{
    const char *value = px_metadata_find(r->list, key);

    if (!value || strcmp(value, tensors_say) == 0)
        return 0;
    if (!known && !r->own) {
        px_checkpoint_note(r->notes, "the metadata %s '%.60s' is ignored: the tensors show %s", key,
                           value, tensors_say);
        return 0;
    }
    return px_fail(r->err, PX_E_FORMAT, "the metadata says %s '%.60s', but the tensors say '%s'",
                   key, value, tensors_say);
}

static int agree_number(const struct reader *r, const char *key, int tensors_say)
{
    char text[16];

    snprintf(text, sizeof text, "%d", tensors_say);
    return agree(r, key, text, false);
}

static int agree_all(const struct reader *r)
{
    const struct px_network *network = r->network;
    const char *norm = px_metadata_find(r->list, "norm");
    const char *dropout = px_metadata_find(r->list, "dropout");
    int rc = agree(r, "architecture", network->architecture, r->own);

    if (!rc)
        rc = agree_number(r, "ngf", network->ngf);
    if (!rc)
        rc = agree_number(r, "input_nc", network->input_nc);
    if (!rc)
        rc = agree_number(r, "output_nc", network->output_nc);
    if (!rc)
        rc = agree(r, "norm", px_norm_name(network->norm), norm && is_one_of(norm, norms));
    if (!rc && dropout && is_one_of(dropout, booleans))
        rc = agree(r, "dropout", network->dropout ? "true" : "false", true);
    return rc;
}

static int read_crop_size(const struct reader *r, struct px_network_options *options)
{
    const char *value = px_metadata_find(r->list, "crop_size");

    if (!value)
        return 0;
    if (!is_number(value))
        return not_understood(r, "crop_size", "a number of pixels");
    options->crop_size = atoi(value);
    if (!r->own && options->crop_size % (1 << px_network_depth_of(options->architecture)) != 0) {
        options->crop_size = 0;
        return not_understood(r, "crop_size", "a size that the network can have");
    }
    return 0;
}

/* What names and shapes do not show: metadata, else the reference's defaults. */
static int read_metadata(const struct reader *r, struct px_network_options *options,
                         const struct facts *facts)
{
    const char *dropout = px_metadata_find(r->list, "dropout");
    const char *direction = px_metadata_find(r->list, "direction");
    int rc = 0;

    if (dropout && !is_one_of(dropout, booleans)) {
        rc = not_understood(r, "dropout", "true or false");
        dropout = NULL;
    }
    if (!rc && direction && !is_one_of(direction, directions)) {
        rc = not_understood(r, "direction", "AtoB or BtoA");
        direction = NULL;
    }
    options->dropout =
        facts->knows_dropout ? facts->dropout : !dropout || strcmp(dropout, "true") == 0;
    options->direction = direction ? direction : "AtoB";
    return rc ? rc : read_crop_size(r, options);
}

int px_checkpoint_infer(struct px_network *network, const struct px_tensor_list *list,
                        struct px_checkpoint_notes *notes, struct px_error *err)
{
    const struct reader reader = {list, network, notes, px_checkpoint_is_own(list), err};
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
    rc = read_metadata(&reader, &options, &facts);
    if (rc)
        return rc;
    if (px_network_make(network, &options, &inner) != 0)
        return px_fail(err, PX_E_FORMAT, "%s", inner.message);
    return agree_all(&reader);
}
