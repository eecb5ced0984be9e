#ifndef SERVER_MODELS_RELOAD_H
#define SERVER_MODELS_RELOAD_H

/* A thread that finishes loading the models, the default one first, and then keeps the served
 * models those of their folder: when it is asked to, and when it sees that files were written,
 * moved there or removed. New models are loaded, checked, packed and warmed beside the old ones, in
 * an engine of its own; then the registry is replaced. What cannot be loaded leaves the model
 * before in place. */

#include "server/models/models.h"

struct px_reloader;

struct px_reload_options {
    struct px_models *models;
    struct px_registry_options registry; /* `before`, `check` and `context` are not read */
    struct px_engine_options engine;     /* to try new models with */
    size_t single_memory; /* of engines of one thread, to pack for, too; 0: there are none */
    bool watch;           /* look for changes of the folder */
};

struct px_reload_state {
    unsigned long long done, unchanged, failed; /* reloads; failed: with a model that is bad */
    bool bad;                                   /* whether the last one failed */
    unsigned long long asked, answered;         /* calls of px_reloader_request() */
};

/* Borrows what the options point to. IO: the folder cannot be watched. */
int px_reloader_start(struct px_reloader **out, const struct px_reload_options *options,
                      struct px_error *err);
void px_reloader_stop(struct px_reloader *reloader); /* accepts NULL */

/* The default model is finished at once, and not tried, because workers warm it at the same time;
 * the others are loaded after this. Returns at once. */
void px_reloader_load_others(struct px_reloader *reloader);

/* Asks for a reload; returns at once. */
void px_reloader_request(struct px_reloader *reloader);

struct px_reload_state px_reloader_state(struct px_reloader *reloader); /* any thread */

#endif
