#include "model/checkpoint/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/formats/map.h"

static int bind_all(struct px_checkpoint *checkpoint, struct px_error *err)
{
    struct px_checkpoint_binding binding;

    px_checkpoint_bind_start(&binding, &checkpoint->network, PX_E_FORMAT);
    for (size_t i = 0; i < checkpoint->list->count; i++) {
        const struct px_tensor_spec *spec;
        int rc = px_checkpoint_bind(&binding, &checkpoint->list->tensors[i], &spec, err);
        if (rc)
            return rc;
    }
    int rc = px_checkpoint_bind_end(&binding, &checkpoint->has_running, err);
    if (rc)
        return rc;
    memcpy(checkpoint->tensors, binding.found, sizeof checkpoint->tensors);
    checkpoint->dtype = px_checkpoint_stored_dtype(checkpoint);
    return 0;
}

static int read_test_norm(struct px_checkpoint *checkpoint, struct px_error *err)
{
    const char *norm = px_metadata_find(checkpoint->list, "test_norm");

    if (norm && strcmp(norm, "batch") != 0 && strcmp(norm, "running") != 0)
        return px_fail(err, PX_E_FORMAT, "metadata test_norm '%.60s': must be batch or running",
                       norm);
    checkpoint->test_running = norm && strcmp(norm, "running") == 0;
    if (checkpoint->test_running && !checkpoint->has_running)
        return px_fail(err, PX_E_FORMAT,
                       "metadata test_norm is running, but there are no running statistics");
    return 0;
}

static int read_safetensors(struct px_checkpoint *checkpoint, const char *path,
                            struct px_error *err)
{
    int rc = px_safetensors_open(&checkpoint->file, path, err);

    if (!rc)
        checkpoint->list = px_safetensors_list(checkpoint->file);
    return rc;
}

static int read_any(struct px_checkpoint *checkpoint, const char *path, struct px_error *err)
{
    struct px_map map;
    int rc = px_map_open(&map, path, err);

    if (rc)
        return rc;
    bool pytorch = px_pth_sniff(map.data, map.size);
    px_map_close(&map);
    if (!pytorch)
        return read_safetensors(checkpoint, path, err);
    rc = px_pth_open(&checkpoint->pth, path, err);
    if (!rc)
        checkpoint->list = px_pth_list(checkpoint->pth);
    return rc;
}

/* Finds out what the list of tensors is. */
static int understand(struct px_checkpoint *checkpoint, const char *path, struct px_error *err)
{
    int rc = px_checkpoint_infer(&checkpoint->network, checkpoint->list, err);

    if (!rc)
        rc = bind_all(checkpoint, err);
    if (!rc)
        rc = read_test_norm(checkpoint, err);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

typedef int read_file(struct px_checkpoint *checkpoint, const char *path, struct px_error *err);

/* Runs `read` and, where it is not NULL, `then` on a new checkpoint. */
static int make(struct px_checkpoint **out, const char *path, read_file *read, read_file *then,
                struct px_error *err)
{
    struct px_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);

    if (!checkpoint)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for a checkpoint", path);
    int rc = read(checkpoint, path, err);
    if (!rc && then)
        rc = then(checkpoint, path, err);
    if (rc) {
        px_checkpoint_close(checkpoint);
        return rc;
    }
    *out = checkpoint;
    return 0;
}

int px_checkpoint_open(struct px_checkpoint **out, const char *path, struct px_error *err)
{
    return make(out, path, read_safetensors, understand, err);
}

int px_checkpoint_import(struct px_checkpoint **out, const char *path, struct px_error *err)
{
    return make(out, path, read_any, understand, err);
}

int px_checkpoint_peek(struct px_checkpoint **out, const char *path, struct px_error *err)
{
    return make(out, path, read_any, NULL, err);
}

void px_checkpoint_close(struct px_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    px_safetensors_close(checkpoint->file);
    px_pth_close(checkpoint->pth);
    for (int layer = 0; layer < PX_MAX_LAYERS; layer++)
        free(checkpoint->substitutes[layer]);
    free(checkpoint);
}

const struct px_tensor *px_checkpoint_tensor(const struct px_checkpoint *checkpoint, int layer,
                                             enum px_tensor_role role)
{
    return checkpoint->tensors[layer][role];
}
