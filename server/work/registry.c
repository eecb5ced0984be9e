#include "server/work/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/utf8.h"

struct px_registry {
    struct px_registry_entry *entries; /* `count` of them */
    size_t count;
    size_t preferred;
};

void px_registry_destroy(struct px_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++) {
        px_model_unref(registry->entries[i].model);
        free(registry->entries[i].name);
        free(registry->entries[i].counts);
    }
    free(registry->entries);
    free(registry);
}

/* The entry is cleaned up by the registry, however far this gets. */
static int load(struct px_registry_entry *entry, const char *folder, const char *file,
                enum px_dtype dtype, struct px_error *err)
{
    char path[PX_PATH_MAX];
    int64_t start = px_now_ns();
    int rc;

    entry->name = strndup(file, px_path_stem_length(file));
    entry->counts = calloc(1, sizeof *entry->counts);
    if (!entry->name || !entry->counts)
        return px_fail(err, PX_E_NOMEM, "no memory for the models");
    if (!px_utf8_is_printable(entry->name))
        return px_fail(err, PX_E_FORMAT,
                       "%s/%s: the name is not UTF-8 without control characters, so it cannot be "
                       "asked for; rename the file",
                       folder, file);
    rc = px_path_join(path, folder, file, err);
    if (rc == 0)
        rc = px_model_load(&entry->model, path, dtype, err);
    if (rc < 0)
        return rc;
    const struct px_network *network = px_model_network(entry->model);
    rc = px_network_check_pictures(network, err);
    if (rc < 0) {
        px_error_prefix(err, path);
        return rc;
    }
    entry->load_seconds = px_ms_since(start) * 1e-3;
    const char *notes = px_checkpoint_notes(px_model_checkpoint(entry->model));
    if (notes[0])
        px_log_warning("model %s: %s", entry->name, notes);
    px_log_info("model %s: %s, ngf %d, %d to %d channels, size %d, %s, loaded in %.2f s",
                entry->name, network->architecture, network->ngf, network->input_nc,
                network->output_nc, network->crop_size, px_dtype_name(px_model_dtype(entry->model)),
                entry->load_seconds);
    return 0;
}

/* By name: `house` comes before `house-int8`, though its file does not. */
static int compare_names(const void *a, const void *b)
{
    const struct px_registry_entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Explains a folder without models. Checkpoints of PyTorch only need converting. */
static int refuse_empty(const char *folder, struct px_error *err)
{
    static const char *const suffixes[] = {".pth", ".pt", ".ckpt", NULL};
    char **files = NULL;
    size_t count = 0;

    if (px_list_folder(folder, suffixes, &files, &count, NULL) == 0 && count > 0)
        px_fail(err, PX_E_NOT_FOUND,
                "%s: no *.safetensors file here, only %s%s; convert such files of PyTorch with: "
                "pix2pix convert %s/%s %s/%.*s.safetensors",
                folder, files[0], count > 1 ? " and others" : "", folder, files[0], folder,
                (int)px_path_stem_length(files[0]), files[0]);
    else
        px_fail(err, PX_E_NOT_FOUND,
                "%s: no *.safetensors file here; put a checkpoint into it or name another folder "
                "with --models",
                folder);
    free(files);
    return -PX_E_NOT_FOUND;
}

static int load_all(struct px_registry *registry, const char *folder, char **files, size_t count,
                    enum px_dtype dtype, struct px_error *err)
{
    if (count == 0)
        return refuse_empty(folder, err);
    registry->entries = calloc(count, sizeof *registry->entries);
    if (!registry->entries)
        return px_fail(err, PX_E_NOMEM, "no memory for the models");
    for (size_t i = 0; i < count; i++) {
        registry->count = i + 1;
        int rc = load(&registry->entries[i], folder, files[i], dtype, err);
        if (rc < 0)
            return rc;
        /* The suffix may be written .SAFETENSORS too. */
        for (size_t j = 0; j < i; j++)
            if (strcmp(registry->entries[j].name, registry->entries[i].name) == 0)
                return px_fail(err, PX_E_FORMAT, "%s: two models are named '%s'; rename one",
                               folder, registry->entries[i].name);
    }
    qsort(registry->entries, count, sizeof *registry->entries, compare_names);
    return 0;
}

static int prefer(struct px_registry *registry, const char *name, struct px_error *err)
{
    const struct px_registry_entry *entry;
    int rc;

    if (!name)
        return 0;
    rc = px_registry_find(registry, name, &entry, err);
    if (rc < 0) {
        px_error_prefix(err, "--default-model");
        return rc;
    }
    registry->preferred = (size_t)(entry - registry->entries);
    return 0;
}

int px_registry_load(struct px_registry **out, const char *folder, const char *preferred,
                     enum px_dtype dtype, struct px_error *err)
{
    static const char *const suffixes[] = {".safetensors", NULL};
    char **files = NULL;
    size_t count = 0;
    int rc = px_list_folder(folder, suffixes, &files, &count, err);

    if (rc < 0)
        return rc;
    struct px_registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        rc = px_fail(err, PX_E_NOMEM, "no memory for the models");
    else
        rc = load_all(registry, folder, files, count, dtype, err);
    if (rc == 0)
        rc = prefer(registry, preferred, err);
    free(files);
    if (rc < 0) {
        px_registry_destroy(registry);
        return rc;
    }
    *out = registry;
    return 0;
}

size_t px_registry_count(const struct px_registry *registry)
{
    return registry->count;
}

const struct px_registry_entry *px_registry_at(const struct px_registry *registry, size_t index)
{
    return &registry->entries[index];
}

const struct px_registry_entry *px_registry_default(const struct px_registry *registry)
{
    return &registry->entries[registry->preferred];
}

int px_registry_find(const struct px_registry *registry, const char *name,
                     const struct px_registry_entry **out, struct px_error *err)
{
    char names[256] = "";
    size_t n = 0;

    if (!name) {
        *out = px_registry_default(registry);
        return 0;
    }
    for (size_t i = 0; i < registry->count; i++) {
        const char *have = registry->entries[i].name;
        if (strcmp(have, name) == 0) {
            *out = &registry->entries[i];
            return 0;
        }
        if (n < sizeof names)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i == 0 ? "" : ", ", have);
    }
    return px_fail(err, PX_E_NOT_FOUND, "there is no model '%.80s'; there is %s%s", name, names,
                   n < sizeof names ? "" : "...");
}

void px_registry_count_job(const struct px_registry_entry *entry, bool answered, double infer_ms)
{
    atomic_fetch_add(answered ? &entry->counts->answered : &entry->counts->failed, 1);
    atomic_fetch_add(&entry->counts->infer_ns, (unsigned long long)(infer_ms * 1e6));
}
