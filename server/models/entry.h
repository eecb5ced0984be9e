#ifndef SERVER_MODELS_ENTRY_H
#define SERVER_MODELS_ENTRY_H

/* One model of a registry (registry.h): how it comes from its file, and from the registry before.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/engine/engine.h"
#include "model/engine/model.h"
#include "server/models/content_hash.h"
#include "server/models/progress.h"
#include "server/sandbox/sandbox.h"

struct px_registry;

/* What became of the translations with the models of a name; any thread. */
struct px_model_counts {
    atomic_int references;
    atomic_ullong answered, failed; /* with 200; with anything else */
    atomic_ullong infer_ns;         /* time of batches, counted for each picture in them */
};

struct px_registry_entry {
    char *name;
    char *path; /* of its file */
    struct px_model *model;
    char *card;     /* model/checkpoint/card.h, as JSON */
    bool preferred; /* says the card */
    struct px_model_progress *progress;
    char *last_error; /* why a newer file of its name is not served; NULL: none */
    struct px_file_stamp stamp;
    struct px_file_stamp card_stamp; /* of NAME.json; all zero if there is none */
    struct px_model_counts *counts;
};

struct px_registry_options {
    const char *folder;
    const char *preferred; /* the name of the default model; NULL: the first whose card says that it
                            * is preferred, else the first */
    enum px_dtype dtype;
    const struct px_sandbox *sandbox; /* for messages about what cannot be read; or NULL */
    bool skip_bad;                    /* leave out what cannot be loaded, instead of failing */
    /* New models stay LOADING: of their files only the descriptions are read, and with skip_bad the
     * weights. px_entry_finish() does the rest. */
    bool defer;
    /* A registry of the same folder before, or NULL. A model that cannot be loaded keeps the one of
     * its name there, and is left out if there is none. */
    const struct px_registry *before;
    /* The last check of a model that was loaded anew, or NULL. */
    int (*check)(void *context, const struct px_registry_entry *entry, struct px_error *err);
    void *context;
};

/* What loading found. */
struct px_registry_changes {
    size_t changed; /* models that are new, gone, or other ones than before */
    size_t failed;  /* that could not be loaded; the log has the reasons */
};

/* Fills a zeroed entry from the folder's file, and counts what it finds. old: the entry of that
 * name in the registry before, or NULL. The caller clears the entry, however far this gets. */
int px_entry_load(struct px_registry_entry *entry, const char *file,
                  const struct px_registry_entry *old, const struct px_registry_options *options,
                  struct px_registry_changes *changes, struct px_error *err);

/* Frees what it has, and zeroes it. */
void px_entry_clear(struct px_registry_entry *entry);

/* Does what is left to do for a model that is LOADING: looks at its weights, hashes its file, and
 * checks it as the options say. It is READY then, or FAILED. One thread at a time. */
int px_entry_finish(const struct px_registry_entry *entry,
                    const struct px_registry_options *options, struct px_error *err);

/* BUSY: the model is LOADING or FAILED. Any thread. */
int px_entry_check_ready(const struct px_registry_entry *entry, struct px_error *err);

/* A translation with the model came to its end. Any thread. */
void px_entry_count_job(const struct px_registry_entry *entry, bool answered, double infer_ms);

#endif
