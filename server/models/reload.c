#include "server/models/reload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "server/models/warm.h"

/* Files often come several at a time: wait until none has come for this long. */
enum { SETTLE_MS = 300 };

/* What is written to the event descriptor, which adds it up: for a reload; to look what is to do.
 */
static const eventfd_t ASKED = 1, WOKEN = (eventfd_t)1 << 32;

struct px_reloader {
    struct px_reload_options options;
    pthread_t thread;
    int event, watch;             /* descriptors; watch: -1 without --watch */
    atomic_bool stopping, others; /* others: models besides the default one may be loaded */
    pthread_mutex_t lock;         /* of the state */
    struct px_reload_state state;
};

/* Nothing larger than the workers' memory is served, nor what cannot be run. */
static int try_with(const struct px_engine_options *options, const struct px_registry_entry *entry,
                    bool run, struct px_error *err)
{
    struct px_engine *engine;
    int rc = px_engine_create(&engine, options, err);

    if (rc < 0)
        return rc;
    rc = run ? px_model_warm(engine, entry, 1, err) : px_model_prepare(engine, entry, 1, err);
    px_engine_destroy(engine);
    return rc;
}

static int try_model(void *context, const struct px_registry_entry *entry, struct px_error *err)
{
    const struct px_reload_options *options = &((const struct px_reloader *)context)->options;
    const struct px_engine_options single = {
        .threads = 1, .first_cpu = -1, .memory_limit = options->single_memory};
    int rc = try_with(&options->engine, entry, true, err);

    if (rc < 0 || options->single_memory == 0)
        return rc;
    rc = try_with(&single, entry, false, err);
    return rc == -PX_E_UNPROCESSABLE ? 0 : rc; /* its team will run it */
}

/* `asked`: the requests that had come when it began. */
static void count_reload(struct px_reloader *reloader, int rc,
                         const struct px_registry_changes *changes, unsigned long long asked)
{
    struct px_reload_state *state = &reloader->state;

    pthread_mutex_lock(&reloader->lock);
    state->bad = rc < 0 || changes->failed > 0;
    state->failed += state->bad;
    state->done += !state->bad && changes->changed > 0;
    state->unchanged += !state->bad && changes->changed == 0;
    state->answered = asked;
    pthread_mutex_unlock(&reloader->lock);
}

/* Ends the waits for models that the new registry does not have any more. */
static void give_up_replaced(const struct px_registry *before, const struct px_registry *after)
{
    struct px_error why = {0};

    px_fail(&why, PX_E_BUSY, "its file was replaced or removed meanwhile; try again");
    for (size_t i = 0; i < px_registry_count(before); i++) {
        const struct px_registry_entry *entry = px_registry_at(before, i);
        if (px_model_progress_phase(entry->progress) == PX_MODEL_LOADING &&
            !px_registry_has(after, entry->model))
            px_model_progress_fail(entry->progress, &why);
    }
}

static void reload(struct px_reloader *reloader)
{
    struct px_models *models = reloader->options.models;
    const struct px_registry *before = px_models_take(models), *after = NULL;
    struct px_registry_options options = reloader->options.registry;
    struct px_registry_changes changes = {0};
    struct px_error err = {0};
    unsigned long long asked = px_reloader_state(reloader).asked;

    options.before = before;
    options.check = try_model;
    options.context = reloader;
    int rc = px_registry_load(&after, &options, &changes, &err);
    if (rc < 0)
        px_log_error("the models stay as they were: %s", err.message);
    else if (changes.changed > 0)
        px_log_info("models reloaded: %zu changed, %zu served%s", changes.changed,
                    px_registry_count(after),
                    changes.failed > 0 ? ", some could not be loaded" : "");
    else
        px_log_info("models reloaded: nothing changed");
    if (rc == 0) /* also if nothing but an error is new */
        px_models_replace(models, after);
    if (rc == 0)
        give_up_replaced(before, after);
    else
        px_registry_unref(after);
    px_registry_unref(before);
    count_reload(reloader, rc, &changes, asked);
}

/* Reads whatever a descriptor has. */
static void empty(int fd)
{
    char bytes[4096];

    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

/* Waits for something to happen, at most this long (-1: no limit); whether the folder is to be
 * looked at. */
static bool wait_for_event(struct px_reloader *reloader, int milliseconds)
{
    struct pollfd fds[] = {{.fd = reloader->event, .events = POLLIN},
                           {.fd = reloader->watch, .events = POLLIN}};
    eventfd_t events = 0;

    if (poll(fds, 2, milliseconds) <= 0)
        return false;
    if (fds[0].revents & POLLIN)
        eventfd_read(reloader->event, &events);
    if (fds[1].revents & POLLIN)
        empty(reloader->watch);
    return events % WOKEN > 0 || (fds[1].revents & POLLIN);
}

/* The model to finish next, or NULL. */
static const struct px_registry_entry *next_unfinished(const struct px_reloader *reloader,
                                                       const struct px_registry *registry)
{
    const struct px_registry_entry *first = px_registry_default(registry);

    if (px_model_progress_phase(first->progress) == PX_MODEL_LOADING)
        return first;
    return atomic_load(&reloader->others) ? px_registry_unfinished(registry) : NULL;
}

/* Finishes a model; false if none was left. One that turns out to be bad gets another try, as part
 * of a reload, which then counts it and serves the others. */
static bool finish_one(struct px_reloader *reloader)
{
    const struct px_registry *registry = px_models_take(reloader->options.models);
    const struct px_registry_entry *entry = next_unfinished(reloader, registry);
    struct px_registry_options options = reloader->options.registry;
    struct px_error err = {0};
    int rc = 0;

    options.check = atomic_load(&reloader->others) ? try_model : NULL;
    options.context = reloader;
    if (entry)
        rc = px_entry_finish(entry, &options, &err);
    px_registry_unref(registry);
    if (rc < 0 && atomic_load(&reloader->others)) {
        px_log_error("a model cannot be served: %s", err.message);
        reload(reloader);
    }
    return entry;
}

static void *reloader_main(void *argument)
{
    struct px_reloader *reloader = argument;
    bool busy = false;

    while (!atomic_load(&reloader->stopping)) {
        const bool before = busy;
        busy = finish_one(reloader);
        if (before && !busy && atomic_load(&reloader->others))
            px_log_info("all models are loaded");
        if (!wait_for_event(reloader, busy ? 0 : -1))
            continue;
        while (!atomic_load(&reloader->stopping) && wait_for_event(reloader, SETTLE_MS))
            ;
        if (!atomic_load(&reloader->stopping))
            reload(reloader);
    }
    return NULL;
}

static int open_watch(struct px_reloader *reloader, struct px_error *err)
{
    const char *folder = reloader->options.registry.folder;
    const uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;

    if (!reloader->options.watch)
        return 0;
    reloader->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (reloader->watch < 0 || inotify_add_watch(reloader->watch, folder, events) < 0)
        return px_fail(err, PX_E_IO, "%s cannot be watched: %s; use --watch off and SIGHUP", folder,
                       strerror(errno));
    return 0;
}

static void destroy(struct px_reloader *reloader)
{
    if (reloader->event >= 0)
        close(reloader->event);
    if (reloader->watch >= 0)
        close(reloader->watch);
    pthread_mutex_destroy(&reloader->lock);
    free(reloader);
}

int px_reloader_start(struct px_reloader **out, const struct px_reload_options *options,
                      struct px_error *err)
{
    struct px_reloader *reloader = calloc(1, sizeof *reloader);

    if (!reloader)
        return px_fail(err, PX_E_NOMEM, "no memory to reload models");
    reloader->options = *options;
    reloader->watch = -1;
    pthread_mutex_init(&reloader->lock, NULL);
    reloader->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = reloader->event < 0 ? px_fail(err, PX_E_IO, "no event descriptor: %s", strerror(errno))
                                 : open_watch(reloader, err);
    int failed = rc == 0 ? pthread_create(&reloader->thread, NULL, reloader_main, reloader) : 0;
    if (failed != 0)
        rc = px_fail(err, PX_E_NOMEM, "cannot start a thread: %s", strerror(failed));
    if (rc < 0) {
        destroy(reloader);
        return rc;
    }
    *out = reloader;
    return 0;
}

void px_reloader_load_others(struct px_reloader *reloader)
{
    atomic_store(&reloader->others, true);
    eventfd_write(reloader->event, WOKEN);
}

void px_reloader_request(struct px_reloader *reloader)
{
    pthread_mutex_lock(&reloader->lock);
    reloader->state.asked++;
    pthread_mutex_unlock(&reloader->lock);
    eventfd_write(reloader->event, ASKED);
}

void px_reloader_stop(struct px_reloader *reloader)
{
    if (!reloader)
        return;
    atomic_store(&reloader->stopping, true);
    px_reloader_request(reloader);
    pthread_join(reloader->thread, NULL);
    destroy(reloader);
}

struct px_reload_state px_reloader_state(struct px_reloader *reloader)
{
    pthread_mutex_lock(&reloader->lock);
    struct px_reload_state state = reloader->state;
    pthread_mutex_unlock(&reloader->lock);
    return state;
}
