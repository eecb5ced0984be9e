#ifndef SERVER_MODELS_WARM_H
#define SERVER_MODELS_WARM_H

/* Runs a model before the first request does: plans are made, and all weights are read from the
 * file and packed, so that nothing that happens to the file later matters for pictures of its own
 * size. */

#include "server/models/registry.h"

/* At the model's own size, by both norms if it has running statistics, and in batches of up to
 * max_batch; those that do not fit the engine's memory are left out. One picture is computed, by
 * the norm that requests get. On the engine's thread. */
int px_model_warm(struct px_engine *engine, const struct px_registry_entry *entry, int max_batch,
                  struct px_error *err);

/* The same without that picture: for one more engine beside one that is warm. */
int px_model_prepare(struct px_engine *engine, const struct px_registry_entry *entry, int max_batch,
                     struct px_error *err);

#endif
