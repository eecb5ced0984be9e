#ifndef SERVER_MODELS_REGISTRY_H
#define SERVER_MODELS_REGISTRY_H

/* The models of a folder at one time: every *.safetensors in it, named by its stem, in alphabetical
 * order. Immutable and reference-counted, so that what was found in it stays valid while the folder
 * is read anew into another one; models whose files are unchanged are shared by both. Any thread.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/engine/engine.h"
#include "model/engine/model.h"
#include "server/models/content_hash.h"
#include "server/sandbox/sandbox.h"

/* What became of the translations with the models of a name; any thread. */
struct px_model_counts {
    atomic_int references;
    atomic_ullong answered, failed; /* with 200; with anything else */
    atomic_ullong infer_ns;         /* time of batches, counted for each picture in them */
};

struct px_registry_entry {
    char *name;
    struct px_model *model;
    char *card;     /* model/checkpoint/card.h, as JSON */
    bool preferred; /* says the card */
    double load_seconds;
    char sha256[PX_SHA256_HEX_SIZE]; /* of its file */
    char *last_error;                /* why a newer file of its name is not served; NULL: none */
    struct px_file_stamp stamp;
    struct px_file_stamp card_stamp; /* of NAME.json; all zero if there is none */
    struct px_model_counts *counts;
};

/* A file that could not be loaded, without a model before it that could be kept. */
struct px_registry_failure {
    char *name; /* of the model that it would be */
    char *last_error;
};

struct px_registry;

struct px_registry_options {
    const char *folder;
    const char *preferred; /* the name of the default model; NULL: the first whose card says that it
                            * is preferred, else the first */
    enum px_dtype dtype;
    const struct px_sandbox *sandbox; /* for messages about what cannot be read; or NULL */
    bool skip_bad;                    /* leave out what cannot be loaded, instead of failing */
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

/* A file that cannot be loaded, two of one name, an empty folder and a `preferred` that is not
 * there are errors (but see the options): a daemon that silently lacks a model is worse than one
 * that does not start. Models of more than four channels are refused, as no picture has them, and
 * so are names that are not printable UTF-8 and malformed cards. */
int px_registry_load(const struct px_registry **out, const struct px_registry_options *options,
                     struct px_registry_changes *changes, struct px_error *err);
const struct px_registry *px_registry_ref(const struct px_registry *registry);
void px_registry_unref(const struct px_registry *registry); /* accepts NULL */

size_t px_registry_count(const struct px_registry *registry);
const struct px_registry_entry *px_registry_at(const struct px_registry *registry, size_t index);
size_t px_registry_failure_count(const struct px_registry *registry);
const struct px_registry_failure *px_registry_failure_at(const struct px_registry *registry,
                                                         size_t index);
const struct px_registry_entry *px_registry_default(const struct px_registry *registry);

/* Whether it has this very model. */
bool px_registry_has(const struct px_registry *registry, const struct px_model *model);

/* A translation with the model came to its end. */
void px_registry_count_job(const struct px_registry_entry *entry, bool answered, double infer_ms);

/* The model of that name, or the default for NULL. NOT_FOUND lists the names there are. */
int px_registry_find(const struct px_registry *registry, const char *name,
                     const struct px_registry_entry **out, struct px_error *err);

#endif
