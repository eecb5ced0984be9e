#include "server/models/entry.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/path.h"
#include "base/utf8.h"
#include "model/checkpoint/card.h"
#include "model/checkpoint/checkpoint.h"

void px_entry_clear(struct px_registry_entry *entry)
{
    px_model_unref(entry->model);
    px_model_progress_unref(entry->progress);
    free(entry->card);
    free(entry->last_error);
    free(entry->path);
    free(entry->name);
    if (entry->counts && atomic_fetch_sub(&entry->counts->references, 1) == 1)
        free(entry->counts);
    *entry = (struct px_registry_entry){0};
}

static void read_stamp(const char *path, struct px_file_stamp *stamp)
{
    struct stat status;

    *stamp = (struct px_file_stamp){0};
    if (stat(path, &status) == 0) /* else loading a model will say so; a card need not be there */
        *stamp = px_file_stamp_of(&status);
}

/* The entry has the name; it gets the model, which is LOADING. */
static int open_model(struct px_registry_entry *entry, const char *path, enum px_dtype dtype,
                      struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_open_unchecked(&checkpoint, path, err);

    if (rc < 0)
        return rc;
    rc = px_model_create(&entry->model, checkpoint, dtype, err);
    if (rc < 0) {
        px_error_prefix(err, path);
        px_checkpoint_close(checkpoint);
        return rc;
    }
    rc = px_network_check_pictures(px_model_network(entry->model), err);
    if (rc < 0) {
        px_error_prefix(err, path);
        return rc;
    }
    entry->progress = px_model_progress_create();
    if (!entry->progress)
        return px_fail(err, PX_E_NOMEM, "no memory for the models");
    return 0;
}

static int check_values(const struct px_registry_entry *entry, const char *path,
                        struct px_error *err)
{
    int rc = px_checkpoint_check_values(px_model_checkpoint(entry->model), err);

    if (rc < 0)
        px_error_prefix(err, path);
    return rc;
}

static void log_model(const struct px_registry_entry *entry, const char *hash, double seconds)
{
    const struct px_network *network = px_model_network(entry->model);
    const char *notes = px_checkpoint_notes(px_model_checkpoint(entry->model));

    if (notes[0])
        px_log_warning("model %s: %s", entry->name, notes);
    px_log_info(
        "model %s: %s, ngf %d, %d to %d channels, size %d, %s, SHA-256 %.12s, loaded in %.2f s",
        entry->name, network->architecture, network->ngf, network->input_nc, network->output_nc,
        network->crop_size, px_dtype_name(px_model_dtype(entry->model)), hash, seconds);
}

/* The caller says what becomes of the model if this fails. */
static int finish_model(const struct px_registry_entry *entry, const char *path,
                        const struct px_registry_options *options, struct px_error *err)
{
    char hash[PX_SHA256_HEX_SIZE];
    int64_t start = px_now_ns();
    int rc = check_values(entry, path, err);

    if (rc == 0)
        rc = px_content_hash(path, &entry->stamp, hash, err);
    if (rc < 0)
        return rc;
    double seconds = px_ms_since(start) * 1e-3;
    log_model(entry, hash, seconds);
    if (options->check)
        rc = options->check(options->context, entry, err);
    if (rc == 0)
        px_model_progress_finish(entry->progress, hash, seconds);
    return rc;
}

int px_entry_finish(const struct px_registry_entry *entry,
                    const struct px_registry_options *options, struct px_error *err)
{
    struct px_error why = {0};
    int rc = finish_model(entry, entry->path, options, &why);

    if (rc == 0)
        return 0;
    px_model_progress_fail(entry->progress, &why);
    *err = why;
    return rc;
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
                      const struct px_registry_entry *old, struct px_error *err)
{
    entry->name = strndup(file, px_path_stem_length(file));
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
    px_model_progress_unref(entry->progress);
    entry->model = px_model_ref(old->model);
    entry->progress = px_model_progress_ref(old->progress);
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
        rc = open_model(entry, path, options->dtype, err);
    if (rc == 0)
        rc = load_card(entry, path, err);
    if (rc == 0 && !same && !options->defer)
        rc = finish_model(entry, path, options, err);
    else if (rc == 0 && !same && options->skip_bad)
        rc = check_values(entry, path, err);
    return rc;
}

int px_entry_load(struct px_registry_entry *entry, const char *file,
                  const struct px_registry_entry *old, const struct px_registry_options *options,
                  struct px_registry_changes *changes, struct px_error *err)
{
    char path[PX_PATH_MAX];
    int rc = name_entry(entry, options->folder, file, old, err);

    if (rc == 0)
        rc = px_path_join(path, options->folder, file, err);
    if (rc == 0)
        rc = read_stamps(entry, path, err);
    if (rc == 0 && !(entry->path = strdup(path)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for the models");
    if (rc < 0)
        return rc;
    if (old && px_model_progress_phase(old->progress) == PX_MODEL_FAILED)
        old = NULL; /* another try */
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

int px_entry_check_ready(const struct px_registry_entry *entry, struct px_error *err)
{
    /* In this order, as it may fail at any moment. */
    if (px_model_progress_phase(entry->progress) == PX_MODEL_LOADING)
        return px_fail(err, PX_E_BUSY, "model '%.80s' is still being loaded; try again later",
                       entry->name);
    const struct px_error *why = px_model_progress_error(entry->progress);
    return why ? px_fail(err, PX_E_BUSY, "model '%.80s' could not be loaded: %.300s", entry->name,
                         why->message)
               : 0;
}

void px_entry_count_job(const struct px_registry_entry *entry, bool answered, double infer_ms)
{
    atomic_fetch_add(answered ? &entry->counts->answered : &entry->counts->failed, 1);
    atomic_fetch_add(&entry->counts->infer_ns, (unsigned long long)(infer_ms * 1e6));
}
