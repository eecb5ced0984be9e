#ifndef SERVER_MODELS_REGISTRY_H
#define SERVER_MODELS_REGISTRY_H

/* The models of a folder at one time: every *.safetensors in it, named by its stem, in alphabetical
 * order. Immutable and reference-counted, so that what was found in it stays valid while the folder
 * is read anew into another one; models whose files are unchanged are shared by both. Any thread.
 */

#include "server/models/entry.h"

/* A file that could not be loaded, without a model before it that could be kept. */
struct px_registry_failure {
    char *name; /* of the model that it would be */
    char *last_error;
};

struct px_registry;

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

/* A model that is LOADING and wanted, else any that is; NULL if there is none. */
const struct px_registry_entry *px_registry_unfinished(const struct px_registry *registry);

/* Whether it has this very model. */
bool px_registry_has(const struct px_registry *registry, const struct px_model *model);

/* The model of that name, or the default for NULL. NOT_FOUND lists the names there are. */
int px_registry_find(const struct px_registry *registry, const char *name,
                     const struct px_registry_entry **out, struct px_error *err);

#endif
