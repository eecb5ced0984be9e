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

/* What is written to the event descriptor. */
enum { ASKED = 1 };

struct px_reloader {
    struct px_reload_options options;
    pthread_t thread;
    int event, watch; /* descriptors; watch: -1 without --watch */
    atomic_bool stopping;
    pthread_mutex_t lock; /* of the state */
    struct px_reload_state state;
};

/* Nothing larger than the workers' memory is served, nor what cannot be run. */
static int try_model(void *context, const struct px_registry_entry *entry, struct px_error *err)
{
    const struct px_reloader *reloader = context;
    struct px_engine *engine;
    int rc = px_engine_create(&engine, &reloader->options.engine, err);

    if (rc < 0)
        return rc;
    rc = px_model_warm(engine, entry, 1, err);
    px_engine_destroy(engine);
    return rc;
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

/* Waits for something to happen, at most this long (-1: no limit); whether it did. */
static bool wait_for_event(struct px_reloader *reloader, int milliseconds)
{
    struct pollfd fds[] = {{.fd = reloader->event, .events = POLLIN},
                           {.fd = reloader->watch, .events = POLLIN}};

    if (poll(fds, 2, milliseconds) <= 0)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (fds[i].revents & POLLIN)
            empty(fds[i].fd);
    return true;
}

static void *reloader_main(void *argument)
{
    struct px_reloader *reloader = argument;

    while (!atomic_load(&reloader->stopping)) {
        if (!wait_for_event(reloader, -1))
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
