#include "server/models/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/utf8.h"

struct px_registry {
    atomic_int references;
    struct px_registry_entry *entries; /* `count` of them */
    size_t count;
    struct px_registry_failure *failures; /* `failure_count` of them */
    size_t failure_count;
    size_t preferred;
};

const struct px_registry *px_registry_ref(const struct px_registry *registry)
{
    struct px_registry *counted = (struct px_registry *)(uintptr_t)registry; /* only its count */

    atomic_fetch_add(&counted->references, 1);
    return registry;
}

void px_registry_unref(const struct px_registry *registry)
{
    struct px_registry *counted = (struct px_registry *)(uintptr_t)registry;

    if (!counted || atomic_fetch_sub(&counted->references, 1) > 1)
        return;
    for (size_t i = 0; i < counted->count; i++)
        px_entry_clear(&counted->entries[i]);
    for (size_t i = 0; i < counted->failure_count; i++) {
        free(counted->failures[i].name);
        free(counted->failures[i].last_error);
    }
    free(counted->failures);
    free(counted->entries);
    free(counted);
}

/* The model whose name has `length` bytes of `name`; NULL if there is none. */
static const struct px_registry_entry *find_stem(const struct px_registry *registry,
                                                 const char *name, size_t length)
{
    for (size_t i = 0; registry && i < registry->count; i++) {
        const char *have = registry->entries[i].name;
        if (strlen(have) == length && memcmp(have, name, length) == 0)
            return &registry->entries[i];
    }
    return NULL;
}

static const struct px_registry_entry *find_name(const struct px_registry *registry,
                                                 const char *name)
{
    return find_stem(registry, name, strlen(name));
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

/* Without memory it is in the log only. The file's name may be anything. */
static void add_failure(struct px_registry *registry, const char *file, const struct px_error *err)
{
    struct px_registry_failure *failure = &registry->failures[registry->failure_count];

    failure->name = strndup(file, px_path_stem_length(file));
    failure->last_error = strdup(err->message);
    if (failure->name && failure->last_error) {
        px_utf8_make_printable(failure->name);
        registry->failure_count++;
        return;
    }
    free(failure->name);
    free(failure->last_error);
}

static int load_all(struct px_registry *registry, char **files, size_t count,
                    const struct px_registry_options *options, struct px_registry_changes *changes,
                    struct px_error *err)
{
    if (count == 0)
        return refuse_empty(options->folder, err);
    registry->entries = calloc(count, sizeof *registry->entries);
    registry->failures = calloc(count, sizeof *registry->failures);
    if (!registry->entries || !registry->failures)
        return px_fail(err, PX_E_NOMEM, "no memory for the models");
    for (size_t i = 0; i < count; i++) {
        struct px_registry_entry *entry = &registry->entries[registry->count];
        const struct px_registry_entry *old =
            find_stem(options->before, files[i], px_path_stem_length(files[i]));
        int rc = px_entry_load(entry, files[i], old, options, changes, err);
        /* The suffix may be written .SAFETENSORS too. */
        if (rc == 0 && find_name(registry, entry->name))
            rc = px_fail(err, PX_E_FORMAT, "%s: two models are named '%s'; rename one",
                         options->folder, entry->name);
        if (rc == 0) {
            registry->count++;
            continue;
        }
        if (options->skip_bad || options->before)
            add_failure(registry, files[i], err);
        px_entry_clear(entry);
        if (!options->skip_bad && !options->before)
            return rc;
        px_log_error("a model is left out: %s", err->message);
        changes->failed++;
    }
    if (registry->count == 0)
        return px_fail(err, PX_E_NOT_FOUND, "%s: no model here can be loaded", options->folder);
    qsort(registry->entries, registry->count, sizeof *registry->entries, compare_names);
    return 0;
}

static size_t count_gone(const struct px_registry *before, const struct px_registry *now)
{
    size_t gone = 0;

    for (size_t i = 0; before && i < before->count; i++)
        gone += !find_name(now, before->entries[i].name);
    return gone;
}

static int prefer(struct px_registry *registry, const char *name, struct px_error *err)
{
    const struct px_registry_entry *entry;
    int rc;

    for (size_t i = registry->count; !name && i-- > 0;)
        if (registry->entries[i].preferred)
            registry->preferred = i;
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

int px_registry_load(const struct px_registry **out, const struct px_registry_options *options,
                     struct px_registry_changes *changes, struct px_error *err)
{
    static const char *const suffixes[] = {".safetensors", NULL};
    char **files = NULL;
    size_t count = 0;
    int rc = px_list_folder(options->folder, suffixes, &files, &count, err);

    *changes = (struct px_registry_changes){0};
    if (rc < 0) {
        px_sandbox_explain(options->sandbox, options->folder, err);
        if (rc == -PX_E_NOT_FOUND && err) {
            const struct px_error why = *err;
            px_fail(err, PX_E_NOT_FOUND, "%.400s; name the folder of models with --models",
                    why.message);
        }
        return rc;
    }
    struct px_registry *registry = calloc(1, sizeof *registry);
    if (!registry) {
        free(files);
        return px_fail(err, PX_E_NOMEM, "no memory for the models");
    }
    atomic_init(&registry->references, 1);
    rc = load_all(registry, files, count, options, changes, err);
    if (rc == 0)
        rc = prefer(registry, options->preferred, err);
    changes->changed += count_gone(options->before, registry);
    free(files);
    if (rc < 0) {
        px_registry_unref(registry);
        return rc;
    }
    *out = registry;
    return 0;
}

bool px_registry_has(const struct px_registry *registry, const struct px_model *model)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->entries[i].model == model)
            return true;
    return false;
}

size_t px_registry_count(const struct px_registry *registry)
{
    return registry->count;
}

const struct px_registry_entry *px_registry_at(const struct px_registry *registry, size_t index)
{
    return &registry->entries[index];
}

size_t px_registry_failure_count(const struct px_registry *registry)
{
    return registry->failure_count;
}

const struct px_registry_failure *px_registry_failure_at(const struct px_registry *registry,
                                                         size_t index)
{
    return &registry->failures[index];
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

const struct px_registry_entry *px_registry_unfinished(const struct px_registry *registry)
{
    const struct px_registry_entry *any = NULL;

    for (size_t i = 0; i < registry->count; i++) {
        const struct px_registry_entry *entry = &registry->entries[i];
        if (px_model_progress_phase(entry->progress) != PX_MODEL_LOADING)
            continue;
        if (px_model_progress_is_wanted(entry->progress))
            return entry;
        any = any ? any : entry;
    }
    return any;
}
