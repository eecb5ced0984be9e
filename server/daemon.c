#include "server/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/dnn/cpu.h"
#include "model/network/dtype.h"
#include "server/front/address.h"
#include "server/front/http.h"
#include "server/work/memory.h"
#include "server/work/server.h"
#include "server/work/worker.h"

/* How long the last answers may take to leave once everything is computed. */
enum { FLUSH_SECONDS = 2 };

/* The models, and whether there is room for them; *registry is to be destroyed either way. */
static int load(struct px_server *server, struct px_registry **registry, struct px_error *err)
{
    const struct px_server_settings *settings = server->settings;
    int rc = px_registry_load(registry, settings->models, settings->default_model,
                              (enum px_dtype)settings->dtype, err);

    if (rc < 0)
        return rc;
    server->registry = *registry;
    px_cpus_read("", &server->cpus);
    server->share = px_cpu_split_plan(settings, &server->cpus);
    px_memory_divide(server);
    return px_memory_check(server, err);
}

int px_daemon_check(const struct px_server_settings *settings, struct px_error *err)
{
    struct px_server server = {.settings = settings};
    struct px_registry *registry = NULL;
    int rc = load(&server, &registry, err);

    if (rc == 0)
        printf("the configuration is good: %zu model(s), default %s\n", px_registry_count(registry),
               px_registry_default(registry)->name);
    px_registry_destroy(registry);
    return rc;
}

/* Every connection is a descriptor, and the usual soft limit of 1024 is below the default. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Blocked in every thread to come; the main thread waits for them. */
static void block_signals(sigset_t *stops)
{
    sigset_t pipe_signal;

    sigemptyset(stops);
    sigaddset(stops, SIGTERM);
    sigaddset(stops, SIGINT);
    pthread_sigmask(SIG_BLOCK, stops, NULL);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
}

/* What is to be done now and then. */
static void tick(struct px_server *server, struct px_http *http)
{
    px_http_end_slow(http);
    px_queue_sweep(server->queue);
}

/* Waits until no request is under way; false when the time is over or a signal comes. */
static bool wait_for_requests(struct px_server *server, struct px_http *http, const sigset_t *stops,
                              int64_t seconds)
{
    const struct timespec step = {.tv_nsec = 10000000};
    int64_t end = px_now_ns() + seconds * 1000000000;

    while (px_http_active(http) > 0) {
        tick(server, http);
        if (px_now_ns() >= end || sigtimedwait(stops, NULL, &step) > 0)
            return false;
    }
    return true;
}

static int wait_for_signal(struct px_server *server, struct px_http *http, const sigset_t *stops)
{
    const struct timespec step = {.tv_nsec = 100000000};
    int signal_number;

    while ((signal_number = sigtimedwait(stops, NULL, &step)) < 0)
        tick(server, http);
    return signal_number;
}

static void serve(struct px_server *server, struct px_http *http, struct px_crew *crew,
                  const sigset_t *stops)
{
    int signal_number = wait_for_signal(server, http, stops);

    px_log_info("stopping on %s: %d requests under way",
                signal_number == SIGINT ? "SIGINT" : "SIGTERM", px_http_active(http));
    atomic_store(&server->stopping, true);
    bool finished = wait_for_requests(server, http, stops, server->settings->stop_timeout);
    px_http_close_door(http);
    px_queue_close(server->queue);
    if (!finished) {
        px_log_warning("stopping with %d requests under way", px_http_active(http));
        px_queue_drop_all(server->queue);
    }
    px_crew_stop(crew);
    wait_for_requests(server, http, stops, FLUSH_SECONDS);
    px_http_stop(http);
}

/* One line for each address. */
static int announce(const struct px_listeners *listeners, struct px_error *err)
{
    char url[128];

    for (size_t i = 0; i < listeners->count; i++) {
        int rc = px_listen_url(listeners->fds[i], url, sizeof url, err);
        if (rc < 0)
            return rc;
        if (printf("%s\n", url) < 0 || fflush(stdout) != 0)
            px_log_warning("standard output is closed; listening on %s", url);
    }
    return 0;
}

/* A daemon that listens is ready: its workers are warm. */
static int listen_and_serve(struct px_server *server, const struct px_listeners *listeners,
                            const sigset_t *stops, struct px_error *err)
{
    struct px_crew *crew = NULL;
    struct px_http *http = NULL;
    int rc = px_crew_start(&crew, server, stops, err);

    if (rc == -PX_E_INTERRUPTED) {
        px_log_info("%s", err->message);
        _exit(0); /* nothing is under way that would have to be finished */
    }
    if (rc == 0)
        px_memory_announce(server);
    if (rc == 0)
        rc = px_http_start(&http, server, listeners, err);
    if (rc == 0)
        rc = announce(listeners, err);
    if (rc == 0) {
        serve(server, http, crew, stops);
        return 0;
    }
    px_crew_stop(crew);
    px_http_stop(http);
    return rc;
}

static void log_cpus(const struct px_server *server)
{
    const struct px_cpu_split *share = &server->share;
    const struct px_cpus *cpus = &server->cpus;
    char quota[320] = "";

    if (cpus->quota_file[0])
        snprintf(quota, sizeof quota, ", %s allows %.2f", cpus->quota_file, cpus->quota);
    px_log_info("CPUs: %d used%s, of %d in the affinity mask and %d online%s; %d worker%s with %d "
                "thread%s%s",
                share->cpus, server->settings->cpus ? " (--cpus)" : "", cpus->mask, cpus->machine,
                quota, share->workers, share->workers > 1 ? "s" : "", share->threads,
                share->threads > 1 ? "s" : "", share->pin ? ", pinned" : "");
}

static int make_parts(struct px_server *server, struct px_error *err)
{
    const struct px_server_settings *settings = server->settings;
    const struct px_queue_options queue = {
        .limit = (size_t)settings->queue,
        .max_wait_ns = (int64_t)(settings->queue_seconds * 1e9),
        .codecs = (size_t)server->share.codecs,
        /* The next batch of every worker is ready when it asks, and the one after is begun. */
        .ahead = 2 * (size_t)server->share.workers * (size_t)settings->max_batch,
        .delay_ns = settings->batch_delay_us * 1000,
        .picture_bytes = server->memory.requests};
    int rc = px_metrics_create(&server->metrics, err);

    server->bodies.limit = server->memory.requests;
    if (rc == 0)
        rc = px_queue_create(&server->queue, &queue, err);
    return rc;
}

int px_daemon_run(const struct px_server_settings *settings, struct px_error *err)
{
    struct px_server server = {.settings = settings, .start_time = (double)time(NULL)};
    struct px_registry *registry = NULL;
    struct px_listeners listeners;
    sigset_t stops;

    block_signals(&stops);
    raise_file_limit();
    int rc = px_listeners_open(&listeners, &settings->listen, err);
    if (rc < 0)
        return rc;
    rc = load(&server, &registry, err);
    if (rc == 0) {
        log_cpus(&server);
        rc = make_parts(&server, err);
    }
    if (rc == 0)
        rc = listen_and_serve(&server, &listeners, &stops, err);
    px_listeners_close(&listeners);
    px_queue_destroy(server.queue);
    px_metrics_destroy(server.metrics);
    px_registry_destroy(registry);
    return rc;
}
