#include "server/models/models.h"

#include <pthread.h>
#include <stdlib.h>

struct px_models {
    pthread_mutex_t lock;
    const struct px_registry *current;
};

int px_models_create(struct px_models **out, const struct px_registry *registry,
                     struct px_error *err)
{
    struct px_models *models = calloc(1, sizeof *models);

    if (!models)
        return px_fail(err, PX_E_NOMEM, "no memory for the models");
    pthread_mutex_init(&models->lock, NULL);
    models->current = registry;
    *out = models;
    return 0;
}

void px_models_destroy(struct px_models *models)
{
    if (!models)
        return;
    px_registry_unref(models->current);
    pthread_mutex_destroy(&models->lock);
    free(models);
}

const struct px_registry *px_models_take(struct px_models *models)
{
    pthread_mutex_lock(&models->lock);
    const struct px_registry *current = px_registry_ref(models->current);
    pthread_mutex_unlock(&models->lock);
    return current;
}

void px_models_replace(struct px_models *models, const struct px_registry *registry)
{
    pthread_mutex_lock(&models->lock);
    const struct px_registry *before = models->current;
    models->current = registry;
    pthread_mutex_unlock(&models->lock);
    px_registry_unref(before);
}
