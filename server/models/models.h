#ifndef SERVER_MODELS_MODELS_H
#define SERVER_MODELS_MODELS_H

/* The models that are served now: the one registry that new requests look at. It is replaced while
 * requests are under way; those keep theirs. Any thread. */

#include "server/models/registry.h"

struct px_models;

/* Takes over the caller's reference to the registry on success. */
int px_models_create(struct px_models **out, const struct px_registry *registry,
                     struct px_error *err);
void px_models_destroy(struct px_models *models); /* accepts NULL */

/* A reference to the registry of now. */
const struct px_registry *px_models_take(struct px_models *models);

/* Serves another one, whose reference it takes over. */
void px_models_replace(struct px_models *models, const struct px_registry *registry);

#endif
