#include "model/checkpoint/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"

/* Tensors as they will be written: `tensors` are views, of the caller's data or of `owned`. */
struct written {
    struct px_tensor *tensors;
    void **owned;
    size_t count;
};

static void clear_written(struct written *written)
{
    for (size_t i = 0; written->owned && i < written->count; i++)
        free(written->owned[i]);
    free(written->owned);
    free(written->tensors);
}

/* px_tensor_convert() of convolution weights. */
static int convert(struct px_tensor *weight, enum px_dtype dtype, void **owned,
                   struct px_error *err)
{
    if (weight->dtype == PX_S8)
        return px_fail(err, PX_E_INVALID, "'%.130s' is int8: dequantise it to store it as %s",
                       weight->name, px_dtype_name(dtype));
    return px_tensor_convert(weight, dtype, owned, err);
}

/* Checks the tensors against the network, and converts the weights of convolutions. */
static int prepare(struct written *written, const struct px_network *network, enum px_dtype dtype,
                   struct px_error *err)
{
    struct px_checkpoint_binding binding;
    bool has_running;

    px_checkpoint_bind_init(&binding, network, PX_E_INVALID);
    for (size_t i = 0; i < written->count; i++) {
        struct px_tensor *tensor = &written->tensors[i];
        const struct px_tensor_spec *spec;
        int rc = px_checkpoint_bind(&binding, tensor, &spec, err);
        if (!rc && spec && spec->role == PX_ROLE_WEIGHT && dtype != PX_DTYPE_AUTO &&
            tensor->dtype != dtype)
            rc = convert(tensor, dtype, &written->owned[i], err);
        if (rc)
            return rc;
    }
    return px_checkpoint_bind_check(&binding, &has_running, err);
}

static const char *const network_keys[PX_NETWORK_KEYS] = {
    "architecture", "ngf", "input_nc", "output_nc", "norm", "dropout", "direction", "crop_size"};

bool px_checkpoint_network_key(const char *key)
{
    for (size_t i = 0; i < PX_NETWORK_KEYS; i++)
        if (strcmp(key, network_keys[i]) == 0)
            return true;
    return false;
}

void px_checkpoint_describe(struct px_checkpoint_metadata *out, const struct px_network *network)
{
    /* In the order of network_keys. */
    const char *const values[PX_NETWORK_KEYS] = {network->architecture,
                                                 out->ngf,
                                                 out->input_nc,
                                                 out->output_nc,
                                                 px_norm_name(network->norm),
                                                 network->dropout ? "true" : "false",
                                                 network->direction,
                                                 out->crop_size};

    snprintf(out->ngf, sizeof out->ngf, "%d", network->ngf);
    snprintf(out->input_nc, sizeof out->input_nc, "%d", network->input_nc);
    snprintf(out->output_nc, sizeof out->output_nc, "%d", network->output_nc);
    snprintf(out->crop_size, sizeof out->crop_size, "%d", network->crop_size);
    for (size_t i = 0; i < PX_NETWORK_KEYS; i++)
        out->entries[i] = (struct px_metadata){network_keys[i], values[i]};
}

/* The network's entries before the extra ones, malloc'ed; NULL without memory. */
static struct px_metadata *join(const struct px_checkpoint_metadata *network,
                                const struct px_metadata *extra, size_t extra_count)
{
    struct px_metadata *all = calloc(PX_NETWORK_KEYS + extra_count, sizeof *all);

    if (!all)
        return NULL;
    memcpy(all, network->entries, sizeof network->entries);
    if (extra_count)
        memcpy(all + PX_NETWORK_KEYS, extra, extra_count * sizeof *all);
    return all;
}

/* Copies of the caller's views, to be changed by prepare(). */
static int copy_views(struct written *written, const struct px_tensor *tensors, size_t count,
                      struct px_error *err)
{
    written->tensors = calloc(count + 1, sizeof *written->tensors);
    written->owned = calloc(count + 1, sizeof *written->owned);
    written->count = count;
    if (!written->tensors || !written->owned)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu tensors", count);
    if (count)
        memcpy(written->tensors, tensors, count * sizeof *tensors);
    return 0;
}

int px_checkpoint_save(const char *path, const struct px_network *network,
                       const struct px_tensor *tensors, size_t count,
                       const struct px_metadata *extra, size_t extra_count, enum px_dtype dtype,
                       struct px_error *err)
{
    struct written written = {0};
    struct px_checkpoint_metadata own;
    struct px_metadata *metadata = NULL;
    int rc = 0;

    if (dtype != PX_F32 && dtype != PX_BF16 && dtype != PX_DTYPE_AUTO)
        rc = px_fail(err, PX_E_INVALID, "weights are stored as f32 or bf16, not as %s",
                     px_dtype_name(dtype));
    if (!rc)
        rc = copy_views(&written, tensors, count, err);
    if (!rc)
        rc = prepare(&written, network, dtype, err);
    px_checkpoint_describe(&own, network);
    if (!rc && !(metadata = join(&own, extra, extra_count)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for %zu metadata", extra_count);
    if (rc)
        px_error_prefix(err, path); /* saving puts the path into its messages itself */
    else
        rc = px_safetensors_save(path, written.tensors, count, metadata,
                                 PX_NETWORK_KEYS + extra_count, err);
    free(metadata);
    clear_written(&written);
    return rc;
}

int px_checkpoint_store(const char *path, const struct px_checkpoint *checkpoint,
                        const struct px_metadata *extra, size_t extra_count, enum px_dtype dtype,
                        struct px_error *err)
{
    struct px_tensor tensors[PX_MAX_LAYERS * PX_ROLE_COUNT];
    size_t count = 0;

    for (int layer = 0; layer < checkpoint->network.layer_count; layer++)
        for (int role = 0; role < PX_ROLE_COUNT; role++) {
            const struct px_tensor *tensor =
                px_checkpoint_tensor(checkpoint, layer, (enum px_tensor_role)role);
            if (tensor)
                tensors[count++] = *tensor;
        }
    return px_checkpoint_save(path, &checkpoint->network, tensors, count, extra, extra_count, dtype,
                              err);
}

/* The tensors as they will be written: views of the checkpoint's data or of `owned`. */
struct state_dict {
    struct px_tensor_spec specs[PX_MAX_LAYERS * PX_ROLE_COUNT];
    struct px_tensor tensors[PX_MAX_LAYERS * PX_ROLE_COUNT];
    void *owned[PX_MAX_LAYERS * PX_ROLE_COUNT];
    size_t count;
};

/* Lists what is there in PyTorch's order, and converts the weights of convolutions. */
static int collect(struct state_dict *dict, const struct px_checkpoint *checkpoint,
                   enum px_dtype dtype, struct px_error *err)
{
    size_t count = px_network_tensors(&checkpoint->network, dict->specs,
                                      sizeof dict->specs / sizeof *dict->specs);

    for (size_t i = 0; i < count; i++) {
        const struct px_tensor_spec *spec = &dict->specs[i];
        const struct px_tensor *tensor = px_checkpoint_tensor(checkpoint, spec->layer, spec->role);
        if (!tensor)
            continue;
        size_t at = dict->count++;
        dict->tensors[at] = *tensor;
        if (spec->role != PX_ROLE_WEIGHT || dtype == PX_DTYPE_AUTO || tensor->dtype == dtype)
            continue;
        int rc = px_tensor_convert(&dict->tensors[at], dtype, &dict->owned[at], err);
        if (rc)
            return rc;
    }
    return 0;
}

int px_checkpoint_save_pth(const char *path, const struct px_checkpoint *checkpoint,
                           enum px_dtype dtype, struct px_error *err)
{
    struct state_dict *dict = calloc(1, sizeof *dict);

    if (!dict)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for a state_dict", path);
    int rc = px_checkpoint_check_real(checkpoint, err);
    if (!rc)
        rc = collect(dict, checkpoint, dtype, err);
    if (rc)
        px_error_prefix(err, path);
    else
        rc = px_pth_save(path, dict->tensors, dict->count, err);
    for (size_t i = 0; i < dict->count; i++)
        free(dict->owned[i]);
    free(dict);
    return rc;
}
