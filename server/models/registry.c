#include "server/models/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/utf8.h"
#include "model/checkpoint/card.h"

struct px_registry {
    atomic_int references;
    struct px_registry_entry *entries; /* `count` of them */
    size_t count;
    struct px_registry_failure *failures; /* `failure_count` of them */
    size_t failure_count;
    size_t preferred;
};

static void clear_entry(struct px_registry_entry *entry)
{
    px_model_unref(entry->model);
    free(entry->card);
    free(entry->last_error);
    free(entry->name);
    if (entry->counts && atomic_fetch_sub(&entry->counts->references, 1) == 1)
        free(entry->counts);
    *entry = (struct px_registry_entry){0};
}

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
        clear_entry(&counted->entries[i]);
    for (size_t i = 0; i < counted->failure_count; i++) {
        free(counted->failures[i].name);
        free(counted->failures[i].last_error);
    }
    free(counted->failures);
    free(counted->entries);
    free(counted);
}

/* NULL if there is none. */
static const struct px_registry_entry *find_name(const struct px_registry *registry,
                                                 const char *name)
{
    for (size_t i = 0; registry && i < registry->count; i++)
        if (strcmp(registry->entries[i].name, name) == 0)
            return &registry->entries[i];
    return NULL;
}

static void read_stamp(const char *path, struct px_file_stamp *stamp)
{
    struct stat status;

    *stamp = (struct px_file_stamp){0};
    if (stat(path, &status) == 0) /* else loading a model will say so; a card need not be there */
        *stamp = px_file_stamp_of(&status);
}

/* The entry has the name; it gets the model. */
static int load_model(struct px_registry_entry *entry, const char *path, enum px_dtype dtype,
                      struct px_error *err)
{
    int64_t start = px_now_ns();
    int rc = px_model_load(&entry->model, path, dtype, err);

    if (rc == 0)
        rc = px_content_hash(path, &entry->stamp, entry->sha256, err);
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
    px_log_info(
        "model %s: %s, ngf %d, %d to %d channels, size %d, %s, SHA-256 %.12s, loaded in %.2f s",
        entry->name, network->architecture, network->ngf, network->input_nc, network->output_nc,
        network->crop_size, px_dtype_name(px_model_dtype(entry->model)), entry->sha256,
        entry->load_seconds);
    return 0;
}

/* The entry has the model; it gets the card. */
static int load_card(struct px_registry_entry *entry, const char *path, struct px_error *err)
{
    struct px_card *card;
    int rc = px_card_create(&card, err);

    if (rc < 0)
        return rc;
    rc = px_card_add_model(card, px_model_checkpoint(entry->model), path, err);
    if (rc == 0 && !(entry->card = px_card_json(card)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for the models");
    entry->preferred = px_card_is_preferred(card);
    if (rc == 0 && px_card_notes(card)[0])
        px_log_warning("model %s: %s", entry->name, px_card_notes(card));
    px_card_destroy(card);
    return rc;
}

static int name_entry(struct px_registry_entry *entry, const char *folder, const char *file,
                      const struct px_registry *before, struct px_error *err)
{
    entry->name = strndup(file, px_path_stem_length(file));
    const struct px_registry_entry *old = entry->name ? find_name(before, entry->name) : NULL;

    entry->counts = old ? old->counts : calloc(1, sizeof *entry->counts);
    if (entry->counts)
        atomic_fetch_add(&entry->counts->references, 1);
    if (!entry->name || !entry->counts)
        return px_fail(err, PX_E_NOMEM, "no memory for the models");
    if (px_utf8_is_printable(entry->name))
        return 0;
    return px_fail(err, PX_E_FORMAT,
                   "%s/%s: the name is not UTF-8 without control characters, so it cannot be asked "
                   "for; rename the file",
                   folder, file);
}

static void keep_model(struct px_registry_entry *entry, const struct px_registry_entry *old)
{
    px_model_unref(entry->model);
    entry->model = px_model_ref(old->model);
    entry->load_seconds = old->load_seconds;
    memcpy(entry->sha256, old->sha256, sizeof entry->sha256);
    entry->stamp = old->stamp;
}

static int keep_entry(struct px_registry_entry *entry, const struct px_registry_entry *old,
                      struct px_error *err)
{
    keep_model(entry, old);
    free(entry->card);
    entry->card = strdup(old->card);
    entry->card_stamp = old->card_stamp;
    entry->preferred = old->preferred;
    return entry->card ? 0 : px_fail(err, PX_E_NOMEM, "no memory for the models");
}

static int read_stamps(struct px_registry_entry *entry, const char *path, struct px_error *err)
{
    char beside[PX_PATH_MAX];
    int rc = px_path_with_suffix(beside, path, ".json", err);

    read_stamp(path, &entry->stamp);
    if (rc == 0)
        read_stamp(beside, &entry->card_stamp);
    return rc;
}

/* Loads what is not as in the registry before: model, card, or both. */
static int load_parts(struct px_registry_entry *entry, const char *path,
                      const struct px_registry_entry *old,
                      const struct px_registry_options *options, struct px_error *err)
{
    const bool same = old && px_file_stamp_equals(&entry->stamp, &old->stamp);
    int rc = 0;

    if (same)
        keep_model(entry, old);
    else
        rc = load_model(entry, path, options->dtype, err);
    if (rc == 0)
        rc = load_card(entry, path, err);
    if (rc == 0 && !same && options->check)
        rc = options->check(options->context, entry, err);
    return rc;
}

/* The caller clears the entry, however far this gets. */
static int load_entry(struct px_registry_entry *entry, const char *file,
                      const struct px_registry_options *options,
                      struct px_registry_changes *changes, struct px_error *err)
{
    char path[PX_PATH_MAX];
    int rc = name_entry(entry, options->folder, file, options->before, err);

    if (rc == 0)
        rc = px_path_join(path, options->folder, file, err);
    if (rc == 0)
        rc = read_stamps(entry, path, err);
    if (rc < 0)
        return rc;
    const struct px_registry_entry *old = find_name(options->before, entry->name);
    if (old && px_file_stamp_equals(&entry->stamp, &old->stamp) &&
        px_file_stamp_equals(&entry->card_stamp, &old->card_stamp))
        return keep_entry(entry, old, err);
    rc = load_parts(entry, path, old, options, err);
    if (rc < 0)
        px_sandbox_explain(options->sandbox, path, err);
    if (rc == 0) {
        changes->changed++;
        return 0;
    }
    if (!old)
        return rc;
    px_log_error("model %s stays the one before: %s", entry->name, err->message);
    changes->failed++;
    entry->last_error = strdup(err->message);
    return keep_entry(entry, old, err);
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
        int rc = load_entry(entry, files[i], options, changes, err);
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
        clear_entry(entry);
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

void px_registry_count_job(const struct px_registry_entry *entry, bool answered, double infer_ms)
{
    atomic_fetch_add(answered ? &entry->counts->answered : &entry->counts->failed, 1);
    atomic_fetch_add(&entry->counts->infer_ns, (unsigned long long)(infer_ms * 1e6));
}
