#include "model/checkpoint_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_name[] = "model.model.0.weight";
static const char last_name[] = "model.model.3.weight";

static int find_weight(const struct px_tensor **tensor, const struct px_tensor_list *list,
                       const char *name, struct px_error *err)
{
    *tensor = px_tensor_find(list, name);
    if (!*tensor)
        return px_checkpoint_stranger(list, name, err);
    if ((*tensor)->ndim != 4)
        return px_fail(err, PX_E_FORMAT, "tensor '%s' has %d dimensions instead of 4", name,
                       (*tensor)->ndim);
    for (int i = 0; i < 4; i++)
        if ((*tensor)->shape[i] > INT32_MAX)
            return px_fail(err, PX_E_FORMAT, "tensor '%s': dimension %d is %lld", name, i,
                           (long long)(*tensor)->shape[i]);
    return 0;
}

/* How many levels are nested in each other, by their down convolutions. */
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

static enum px_norm norm_of(const struct px_tensor_list *list)
{
    if (px_tensor_find(list, "model.model.1.model.2.weight"))
        return PX_NORM_BATCH;
    /* PyTorch's code gives these convolutions a bias for InstanceNorm only. */
    if (px_tensor_find(list, "model.model.1.model.1.bias"))
        return PX_NORM_INSTANCE;
    return PX_NORM_NONE;
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
    return rc;
}

/* What names and shapes do not tell: metadata, else the reference's defaults. */
static int read_metadata(struct px_network_options *options, const struct px_tensor_list *list,
                         struct px_error *err)
{
    const char *dropout = px_metadata_find(list, "dropout");
    const char *crop_size = px_metadata_find(list, "crop_size");
    const char *direction = px_metadata_find(list, "direction");

    if (dropout && strcmp(dropout, "true") != 0 && strcmp(dropout, "false") != 0)
        return px_fail(err, PX_E_FORMAT, "metadata dropout '%.60s': must be true or false",
                       dropout);
    options->dropout = !dropout || strcmp(dropout, "true") == 0;
    options->direction = direction ? direction : "AtoB";
    options->crop_size = 1 << options->depth;
    if (!crop_size)
        return 0;
    size_t digits = strspn(crop_size, "0123456789");
    if (digits < 1 || digits > 6 || crop_size[digits])
        return px_fail(err, PX_E_FORMAT, "metadata crop_size '%.60s': must be a number of pixels",
                       crop_size);
    options->crop_size = atoi(crop_size);
    return 0;
}

int px_checkpoint_infer(struct px_network *network, const struct px_tensor_list *list,
                        struct px_error *err)
{
    const struct px_tensor *first;
    const struct px_tensor *last;
    struct px_error inner = {0};
    int rc = find_weight(&first, list, first_name, err);

    if (!rc)
        rc = find_weight(&last, list, last_name, err);
    if (rc)
        return rc;
    struct px_network_options options = {
        .depth = nesting(list),
        .ngf = (int)first->shape[0],
        .input_nc = (int)first->shape[1],
        .output_nc = (int)last->shape[1],
        .norm = norm_of(list),
    };
    rc = read_metadata(&options, list, err);
    if (rc)
        return rc;
    if (px_network_unet(network, &options, &inner) != 0)
        return px_fail(err, PX_E_FORMAT, "%s", inner.message);
    return agree_all(network, list, err);
}
