#include "server/front/probes.h"

static void answer_ok(struct px_reply *reply)
{
    struct px_buffer text = {0};

    px_buffer_appendf(&text, "{\"status\":\"ok\"}\n");
    px_reply_text(reply, 200, "application/json", &text);
}

static void answer_unless(struct px_reply *reply, const char *problem)
{
    struct px_error err = {0};

    if (!problem) {
        answer_ok(reply);
        return;
    }
    px_fail(&err, PX_E_BUSY, "%s", problem);
    px_reply_problem(reply, &err);
}

/* /livez and /healthz: a process that answers is alive, unless a worker hangs. */
void px_probe_live(struct px_server *server, struct px_reply *reply)
{
    answer_unless(reply, atomic_load(&server->stuck_workers) > 0 ? "a worker is stuck" : NULL);
}

/* The default model is loaded before the daemon listens, but a reload may choose another one. */
static bool has_default(struct px_server *server)
{
    const struct px_registry *registry = px_models_take(server->models);
    bool ready = px_entry_check_ready(px_registry_default(registry), NULL) == 0;

    px_registry_unref(registry);
    return ready;
}

void px_probe_ready(struct px_server *server, struct px_reply *reply)
{
    answer_unless(reply, atomic_load(&server->draining)    ? "the daemon is stopping"
                         : atomic_load(&server->all_stuck) ? "all workers are stuck"
                         : !has_default(server) ? "the default model is still being loaded"
                                                : NULL);
}

/* BUSY: not all models that were there at the start are loaded. One that could not be is tried once
 * more by a reload before it becomes one of the failures. */
static int check_models(const struct px_server *server, struct px_error *err)
{
    const struct px_registry *registry = px_models_take(server->models);
    const bool skip = server->settings->skip_bad_models;
    int rc = 0;

    for (size_t i = 0; !rc && i < px_registry_count(registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(registry, i);
        rc = px_entry_check_ready(entry, err);
        if (skip && px_model_progress_error(entry->progress))
            rc = 0;
    }
    if (!rc && !skip && px_registry_failure_count(registry) > 0)
        rc = px_fail(err, PX_E_BUSY, "model '%.80s' could not be loaded: %.300s",
                     px_registry_failure_at(registry, 0)->name,
                     px_registry_failure_at(registry, 0)->last_error);
    px_registry_unref(registry);
    return rc;
}

/* Once all models have been loaded, later ones change nothing. */
void px_probe_started(struct px_server *server, struct px_reply *reply)
{
    struct px_error err = {0};

    if (!atomic_load(&server->started) && check_models(server, &err) < 0) {
        px_reply_problem(reply, &err);
        return;
    }
    atomic_store(&server->started, true);
    answer_ok(reply);
}
