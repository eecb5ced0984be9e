#ifndef SERVER_WORK_REGISTRY_H
#define SERVER_WORK_REGISTRY_H

/* The models of a folder: every *.safetensors in it, named by its stem, in alphabetical order.
 * Loaded once at the start, immutable afterwards; any thread may read. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/engine/engine.h"

/* What became of the translations with a model; any thread. */
struct px_model_counts {
    atomic_ullong answered, failed; /* with 200; with anything else */
    atomic_ullong infer_ns;         /* time of batches, counted for each picture in them */
};

struct px_registry_entry {
    char *name;
    struct px_model *model;
    double load_seconds;
    struct px_model_counts *counts; /* owned */
};

struct px_registry;

/* `preferred` names the default model; NULL takes the first. A file that cannot be loaded, two of
 * one name, an empty folder and a `preferred` that is not there are errors: a daemon that silently
 * lacks a model is worse than one that does not start. Models of more than four channels are
 * refused, as no picture has them, and so are names that are not printable UTF-8. */
int px_registry_load(struct px_registry **out, const char *folder, const char *preferred,
                     enum px_dtype dtype, struct px_error *err);
void px_registry_destroy(struct px_registry *registry); /* accepts NULL */

size_t px_registry_count(const struct px_registry *registry);
const struct px_registry_entry *px_registry_at(const struct px_registry *registry, size_t index);
const struct px_registry_entry *px_registry_default(const struct px_registry *registry);

/* A translation with the model came to its end. */
void px_registry_count_job(const struct px_registry_entry *entry, bool answered, double infer_ms);

/* The model of that name, or the default for NULL. NOT_FOUND lists the names there are. */
int px_registry_find(const struct px_registry *registry, const char *name,
                     const struct px_registry_entry **out, struct px_error *err);

#endif
