#include "model/checkpoint/checkpoint.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/formats/map.h"

static int bind_all(struct px_checkpoint *checkpoint, struct px_error *err)
{
    struct px_checkpoint_binding binding;

    px_checkpoint_bind_init(&binding, &checkpoint->network, PX_E_FORMAT);
    for (size_t i = 0; i < checkpoint->list->count; i++) {
        const struct px_tensor_spec *spec;
        int rc = px_checkpoint_bind(&binding, &checkpoint->list->tensors[i], &spec, err);
        if (rc)
            return rc;
    }
    int rc = px_checkpoint_bind_check(&binding, &checkpoint->has_running, err);
    if (rc)
        return rc;
    memcpy(checkpoint->tensors, binding.found, sizeof checkpoint->tensors);
    checkpoint->dtype = px_checkpoint_stored_dtype(checkpoint);
    return 0;
}

static int read_test_norm(struct px_checkpoint *checkpoint, struct px_error *err)
{
    const char *norm = px_metadata_find(checkpoint->list, "test_norm");
    const bool known = !norm || strcmp(norm, "batch") == 0 || strcmp(norm, "running") == 0;

    if (!known && !px_checkpoint_is_own(checkpoint->list))
        px_checkpoint_note(&checkpoint->notes,
                           "the metadata test_norm '%.60s' is ignored: it is not batch or running",
                           norm);
    else if (!known)
        return px_fail(err, PX_E_FORMAT, "metadata test_norm '%.60s': must be batch or running",
                       norm);
    checkpoint->test_norm = norm && strcmp(norm, "running") == 0 ? PX_TEST_RUNNING : PX_TEST_BATCH;
    if (checkpoint->test_norm == PX_TEST_RUNNING && !checkpoint->has_running)
        return px_fail(err, PX_E_FORMAT,
                       "metadata test_norm is running, but there are no running statistics");
    return 0;
}

static int open_safetensors(struct px_checkpoint *checkpoint, const char *path,
                            struct px_error *err)
{
    int rc = px_safetensors_open(&checkpoint->file, path, err);

    if (!rc)
        checkpoint->list = px_safetensors_list(checkpoint->file);
    return rc;
}

/* Opens a file of either format. */
static int open_file(struct px_checkpoint *checkpoint, const char *path, struct px_error *err)
{
    struct px_map map;
    int rc = px_map_open(&map, path, err);

    if (rc)
        return rc;
    bool pytorch = px_pth_sniff(map.data, map.size);
    px_map_close(&map);
    if (!pytorch)
        return open_safetensors(checkpoint, path, err);
    rc = px_pth_open(&checkpoint->pth, path, err);
    if (!rc)
        checkpoint->list = px_pth_list(checkpoint->pth);
    return rc;
}

int px_checkpoint_check_values(const struct px_checkpoint *checkpoint, struct px_error *err)
{
    int rc = px_checkpoint_check_file(checkpoint, err);

    for (int layer = 0; !rc && layer < checkpoint->network.layer_count; layer++)
        for (int role = 0; !rc && role < PX_ROLE_COUNT; role++) {
            const struct px_tensor *tensor = checkpoint->tensors[layer][role];
            if (tensor)
                rc = px_checkpoint_check_finite(tensor, err);
        }
    px_checkpoint_forget(checkpoint);
    return rc;
}

/* Takes the generator from the file, whose list is set. */
static int select_tensors(struct px_checkpoint *checkpoint, const char *key, struct px_error *err)
{
    const struct px_checkpoint_selection *selection = &checkpoint->selection;
    int rc = px_checkpoint_select(&checkpoint->selection, checkpoint->list, PX_SELECT_G, key, err);

    if (rc)
        return rc;
    checkpoint->list = &selection->list;
    if (selection->place[0] && selection->left_out)
        px_checkpoint_note(&checkpoint->notes,
                           "the generator is '%s'; %zu other tensors are left out",
                           selection->place, selection->left_out);
    else if (selection->left_out)
        px_checkpoint_note(&checkpoint->notes,
                           "%zu tensors beside those of the generator are left out",
                           selection->left_out);
    return 0;
}

/* Finds the network that the tensors belong to, and the place of each tensor. */
static int read_network(struct px_checkpoint *checkpoint, struct px_error *err)
{
    int rc = px_checkpoint_infer(&checkpoint->network, checkpoint->list, &checkpoint->notes, err);

    if (!rc)
        rc = bind_all(checkpoint, err);
    if (!rc)
        rc = read_test_norm(checkpoint, err);
    return rc;
}

/* What could not be read may be what is missing. */
static void add_skipped(const struct px_checkpoint *checkpoint, struct px_error *err)
{
    const char *skipped = checkpoint->pth ? px_pth_skipped(checkpoint->pth) : "";

    if (!err || !skipped[0])
        return;
    const struct px_error found = *err;
    px_fail(err, (enum px_code)found.code, "%.300s; not read: %s", found.message, skipped);
}

static int read_generator(struct px_checkpoint *checkpoint, const char *path, const char *key,
                          bool check, struct px_error *err)
{
    int rc = select_tensors(checkpoint, key, err);

    if (!rc)
        rc = read_network(checkpoint, err);
    if (!rc && check)
        rc = px_checkpoint_check_values(checkpoint, err);
    if (rc) {
        add_skipped(checkpoint, err);
        px_error_prefix(err, path);
    }
    return rc;
}

static int create(struct px_checkpoint **out, const char *path, struct px_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : px_fail(err, PX_E_NOMEM, "%s: no memory for a checkpoint", path);
}

/* Hands the checkpoint over, or frees it if making it failed. */
static int deliver(struct px_checkpoint **out, struct px_checkpoint *checkpoint, int rc)
{
    if (rc)
        px_checkpoint_close(checkpoint);
    else
        *out = checkpoint;
    return rc;
}

static int open_served(struct px_checkpoint **out, const char *path, bool check,
                       struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = create(&checkpoint, path, err);

    if (!rc)
        rc = open_safetensors(checkpoint, path, err);
    if (!rc)
        rc = read_generator(checkpoint, path, NULL, check, err);
    return deliver(out, checkpoint, rc);
}

int px_checkpoint_open(struct px_checkpoint **out, const char *path, struct px_error *err)
{
    return open_served(out, path, true, err);
}

int px_checkpoint_open_unchecked(struct px_checkpoint **out, const char *path, struct px_error *err)
{
    return open_served(out, path, false, err);
}

int px_checkpoint_import(struct px_checkpoint **out, const char *path, const char *key,
                         struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = create(&checkpoint, path, err);

    if (!rc)
        rc = open_file(checkpoint, path, err);
    if (!rc)
        rc = read_generator(checkpoint, path, key, true, err);
    return deliver(out, checkpoint, rc);
}

int px_checkpoint_peek(struct px_checkpoint **out, const char *path, struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = create(&checkpoint, path, err);

    if (!rc)
        rc = open_file(checkpoint, path, err);
    return deliver(out, checkpoint, rc);
}

void px_checkpoint_close(struct px_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    px_checkpoint_selection_clear(&checkpoint->selection);
    px_safetensors_close(checkpoint->file);
    px_pth_close(checkpoint->pth);
    for (int layer = 0; layer < PX_MAX_LAYERS; layer++)
        free(checkpoint->substitutes[layer]);
    free(checkpoint);
}

const struct px_network *px_checkpoint_network(const struct px_checkpoint *checkpoint)
{
    return &checkpoint->network;
}

const struct px_tensor_list *px_checkpoint_list(const struct px_checkpoint *checkpoint)
{
    return checkpoint->list;
}

const char *px_checkpoint_notes(const struct px_checkpoint *checkpoint)
{
    return checkpoint->notes.text;
}

void px_checkpoint_note(struct px_checkpoint_notes *notes, const char *format, ...)
{
    const size_t room = sizeof notes->text;
    size_t used = strlen(notes->text);
    va_list arguments;

    if (used)
        used += (size_t)snprintf(notes->text + used, room - used, "; ");
    if (used >= room)
        return;
    va_start(arguments, format);
    vsnprintf(notes->text + used, room - used, format, arguments);
    va_end(arguments);
    px_utf8_make_printable(notes->text);
}

enum px_dtype px_checkpoint_dtype(const struct px_checkpoint *checkpoint)
{
    return checkpoint->dtype;
}

bool px_checkpoint_has_running(const struct px_checkpoint *checkpoint)
{
    return checkpoint->has_running;
}

enum px_norm_mode px_checkpoint_test_norm(const struct px_checkpoint *checkpoint)
{
    return checkpoint->test_norm;
}

int px_checkpoint_set_training(struct px_checkpoint *checkpoint, int crop_size,
                               const char *direction, struct px_error *err)
{
    const struct px_network old = checkpoint->network;
    const struct px_network_options options = {
        .architecture = old.architecture,
        .ngf = old.ngf,
        .input_nc = old.input_nc,
        .output_nc = old.output_nc,
        .norm = old.norm,
        .dropout = old.dropout,
        .crop_size = crop_size ? crop_size : old.crop_size,
        .direction = direction ? direction : old.direction,
    };

    return px_network_make(&checkpoint->network, &options, err);
}

int px_checkpoint_check_file(const struct px_checkpoint *checkpoint, struct px_error *err)
{
    return px_safetensors_check(checkpoint->file, err);
}

void px_checkpoint_forget(const struct px_checkpoint *checkpoint)
{
    px_safetensors_forget(checkpoint->file);
}

const struct px_tensor *px_checkpoint_tensor(const struct px_checkpoint *checkpoint, int layer,
                                             enum px_tensor_role role)
{
    assert(layer >= 0 && layer < checkpoint->network.layer_count && (int)role < PX_ROLE_COUNT);
    return checkpoint->tensors[layer][role];
}
