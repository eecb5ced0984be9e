#include "server/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/dnn/cpu.h"
#include "model/network/dtype.h"
#include "server/front/address.h"
#include "server/front/admin.h"
#include "server/front/gate.h"
#include "server/front/http.h"
#include "server/front/systemd.h"
#include "server/sandbox/privileges.h"
#include "server/signals.h"
#include "server/work/crew.h"
#include "server/work/memory.h"
#include "server/work/server.h"

/* How long the last answers may take to leave once everything is computed. */
enum { FLUSH_SECONDS = 2, DRAIN_SECONDS = 5 };

/* Descriptors besides connections: sockets, events, models while they are read. */
enum { OTHER_FILES = 64 };

/* How long after --stop-timeout the batch that runs may take. */
static const int64_t STUCK_GRACE_NS = 5000000000;

static struct px_registry_options registry_options(const struct px_server *server, bool defer)
{
    const struct px_server_settings *settings = server->settings;

    return (struct px_registry_options){.folder = settings->models,
                                        .sandbox = &server->sandbox,
                                        .preferred = settings->default_model,
                                        .dtype = (enum px_dtype)settings->dtype,
                                        .skip_bad = settings->skip_bad_models,
                                        .defer = defer};
}

/* The models, and whether there is memory for them; server->models is to be destroyed either way.
 */
static int load(struct px_server *server, bool defer, struct px_error *err)
{
    const struct px_registry_options options = registry_options(server, defer);
    const struct px_registry *registry = NULL;
    struct px_registry_changes changes;
    int rc = px_registry_load(&registry, &options, &changes, err);

    if (rc < 0)
        return rc;
    rc = px_models_create(&server->models, registry, err);
    if (rc < 0) {
        px_registry_unref(registry);
        return rc;
    }
    px_cpus_read("", &server->cpus);
    server->share = px_cpu_split_plan(server->settings, &server->cpus);
    px_memory_divide(server);
    return px_memory_check(server, err);
}

int px_daemon_check(const struct px_server_settings *settings, struct px_error *err)
{
    struct px_server server = {.settings = settings};
    struct px_gate gate;
    int rc = px_gate_init(&gate, settings, false, err);

    if (rc < 0)
        return rc;
    px_gate_clear(&gate);
    rc = load(&server, false, err);
    if (rc == 0) {
        const struct px_registry *registry = px_models_take(server.models);
        printf("the configuration is good: %zu model(s), default %s\n", px_registry_count(registry),
               px_registry_default(registry)->name);
        px_registry_unref(registry);
    }
    px_models_destroy(server.models);
    return rc;
}

/* Every connection is a descriptor, and the usual soft limit of 1024 is near the default. With
 * fewer than they need, connections must be ended for new ones while there are still some. */
static void count_connections(struct px_server *server)
{
    struct rlimit limit;

    server->max_connections = server->settings->max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t wanted = (rlim_t)(server->max_connections + OTHER_FILES);
    if (limit.rlim_cur >= wanted)
        return;
    server->max_connections = limit.rlim_cur > 2 * OTHER_FILES
                                  ? (int64_t)limit.rlim_cur - OTHER_FILES
                                  : (int64_t)limit.rlim_cur / 2;
    if (server->max_connections < 1)
        server->max_connections = 1;
    px_log_warning("--max-connections %" PRId64 " needs %ju open files, but the limit is %ju: "
                   "%" PRId64 " connections are allowed; raise it (ulimit -n, LimitNOFILE=, docker "
                   "run --ulimit nofile=) or lower --max-connections",
                   server->settings->max_connections, (uintmax_t)wanted, (uintmax_t)limit.rlim_cur,
                   server->max_connections);
}

/* The daemon while it serves; for the main thread. */
struct watchman {
    struct px_server *server;
    struct px_http *http;
    struct px_crew *crew;
    struct px_systemd *systemd;
    struct px_admin *admin;
    const struct px_listeners *admin_listeners;
    const sigset_t *signals;
};

static void watch_systemd(struct watchman *man)
{
    struct px_systemd *systemd = man->systemd;

    if (atomic_load(&man->server->stuck_workers) == 0)
        px_systemd_watchdog(systemd);
    if (systemd->reloading) {
        const struct px_reload_state state = px_reloader_state(man->server->reloader);
        if (state.answered == state.asked)
            px_systemd_ready(systemd);
    }
}

/* Looks after everything that needs it now and then, until a signal comes; its number, or 0 after
 * some hundredths of a second. */
static int watch(struct watchman *man, int milliseconds)
{
    px_http_end_slow(man->http);
    px_queue_sweep(man->server->queue);
    if (man->crew)
        px_crew_watch(man->crew);
    watch_systemd(man);
    return px_signals_wait(man->signals, milliseconds);
}

static void reload_keys(struct watchman *man)
{
    struct px_error err = {0};
    bool bad = px_http_reload_keys(man->http, &err) < 0;

    if (bad) {
        px_sandbox_explain(&man->server->sandbox, man->server->settings->api_keys, &err);
        px_log_error("the keys stay as they were: --api-keys: %s", err.message);
    }
    atomic_store(&man->server->stale_keys, bad);
}

static int wait_for_stop(struct watchman *man)
{
    int number;

    while ((number = watch(man, 100)) == 0 || number == SIGHUP)
        if (number == SIGHUP) {
            px_systemd_reloading(man->systemd);
            reload_keys(man);
            px_reloader_request(man->server->reloader);
        }
    return number;
}

/* False if a stop signal came before the time was over. */
static bool wait_until(struct watchman *man, int64_t end_ns)
{
    int number = 0;

    while (px_now_ns() < end_ns && (number == 0 || number == SIGHUP))
        number = watch(man, 10);
    return number == 0 || number == SIGHUP;
}

/* Waits until no request is under way; false when the time is over or a stop signal comes. */
static bool wait_for_requests(struct watchman *man, int64_t end_ns)
{
    while (px_http_active(man->http) > 0) {
        int number = watch(man, 10);
        if (px_now_ns() >= end_ns || (number != 0 && number != SIGHUP))
            return false;
    }
    return true;
}

static int64_t in_seconds(int64_t seconds)
{
    return px_now_ns() + seconds * 1000000000;
}

/* A person who presses Ctrl-C does not wait for load balancers. */
static int64_t drain_seconds(const struct px_server_settings *settings)
{
    if (settings->drain_delay >= 0)
        return settings->drain_delay;
    return isatty(STDIN_FILENO) ? 0 : DRAIN_SECONDS;
}

/* Everything is still served, while load balancers see that /readyz says 503 and go elsewhere. */
static void drain(struct watchman *man)
{
    int64_t seconds = drain_seconds(man->server->settings);

    atomic_store(&man->server->draining, true);
    if (seconds == 0)
        return;
    px_log_info("not ready any more, serving for another %lld s", (long long)seconds);
    if (!wait_until(man, in_seconds(seconds)))
        px_log_info("a second signal ends that");
}

static void stop(struct watchman *man)
{
    struct px_server *server = man->server;
    int64_t end = in_seconds(server->settings->stop_timeout);

    px_http_close_door(man->http);
    bool finished = wait_for_requests(man, end);
    px_queue_close(server->queue);
    if (!finished) {
        px_log_warning("stopping with %d requests under way", px_http_active(man->http));
        px_queue_drop_all(server->queue);
    }
    if (end < px_now_ns())
        end = px_now_ns();
    if (!px_crew_stop(man->crew, end + STUCK_GRACE_NS)) {
        px_log_error("a worker is stuck; the daemon ends without it");
        _exit(1);
    }
    man->crew = NULL;
    wait_for_requests(man, in_seconds(FLUSH_SECONDS));
    px_http_stop(man->http);
}

static void serve(struct watchman *man)
{
    px_systemd_ready(man->systemd);
    int number = wait_for_stop(man);

    px_systemd_stopping(man->systemd);
    px_log_info("stopping on %s: %d requests under way", px_signal_name(number),
                px_http_active(man->http));
    drain(man);
    stop(man);
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

static int start_reloader(struct px_server *server, struct px_error *err)
{
    const struct px_reload_options options = {.models = server->models,
                                              .registry = registry_options(server, false),
                                              .engine = {.threads = server->share.threads,
                                                         .first_cpu = -1,
                                                         .memory_limit = server->memory.plans},
                                              .single_memory =
                                                  server->share.elastic ? server->memory.single : 0,
                                              .watch = server->settings->watch == 0};

    return px_reloader_start(&server->reloader, &options, err);
}

/* While the workers warm the default model, its file is hashed; this waits for the rest of that. */
static int wait_for_default(const struct watchman *man, struct px_error *err)
{
    const struct px_registry *registry = px_models_take(man->server->models);
    const struct px_model_progress *progress = px_registry_default(registry)->progress;
    enum px_model_phase phase;
    int number = 0, rc = 0;

    while ((phase = px_model_progress_phase(progress)) == PX_MODEL_LOADING &&
           (number == 0 || number == SIGHUP))
        number = px_signals_wait(man->signals, 5);
    if (phase == PX_MODEL_LOADING)
        rc = px_fail(err, PX_E_INTERRUPTED, "stopped by a signal before it was ready");
    if (phase == PX_MODEL_FAILED) {
        *err = *px_model_progress_error(progress);
        rc = -err->code;
    }
    px_registry_unref(registry);
    return rc;
}

/* A daemon that listens is ready: its workers are warm, with the default model. */
static int listen_and_serve(struct watchman *man, const struct px_listeners *listeners,
                            struct px_error *err)
{
    struct px_server *server = man->server;
    int rc = start_reloader(server, err);

    if (rc == 0)
        rc = px_crew_start(&man->crew, server, man->signals, err);
    if (rc == 0)
        rc = wait_for_default(man, err);
    if (rc == -PX_E_INTERRUPTED) {
        px_log_info("%s", err->message);
        _exit(0); /* nothing is under way that would have to be finished */
    }
    if (rc == 0)
        px_memory_announce(server);
    if (rc == 0)
        rc = px_http_start(&man->http, server, listeners, err);
    if (rc < 0 && server->settings->api_keys)
        px_sandbox_explain(&server->sandbox, server->settings->api_keys, err);
    if (rc == 0 && man->admin_listeners->count > 0)
        rc = px_admin_start(&man->admin, server, man->admin_listeners, err);
    if (rc == 0)
        rc = announce(listeners, err);
    if (rc == 0) {
        px_reloader_load_others(server->reloader);
        serve(man);
        px_admin_stop(man->admin);
        px_reloader_stop(server->reloader);
        return 0;
    }
    px_admin_stop(man->admin);
    px_crew_stop(man->crew, INT64_MAX);
    px_http_stop(man->http);
    px_reloader_stop(server->reloader);
    return rc;
}

static void log_cpus(const struct px_server *server)
{
    const struct px_cpu_split *share = &server->share;
    const struct px_cpus *cpus = &server->cpus;
    char quota[320] = "", workers[96];

    if (cpus->quota_file[0])
        snprintf(quota, sizeof quota, ", %s allows %.2f", cpus->quota_file, cpus->quota);
    px_cpu_split_describe(share, workers, sizeof workers);
    px_log_info("CPUs: %d used%s, of %d in the affinity mask and %d online%s; %s%s", share->cpus,
                server->settings->cpus ? " (--cpus)" : "", cpus->mask, cpus->machine, quota,
                workers, share->pin ? ", pinned" : "");
}

static int make_parts(struct px_server *server, struct px_error *err)
{
    const struct px_server_settings *settings = server->settings;
    const struct px_cpu_split *share = &server->share;
    const struct px_queue_options queue = {
        .limit = (size_t)settings->queue,
        .max_wait_ns = (int64_t)(settings->queue_seconds * 1e9),
        .codecs = (size_t)server->share.codecs,
        /* The next batch of every worker that may compute at the same time is ready when it asks,
         * and the one after is begun. */
        .ahead = 2 * (size_t)px_cpu_split_at_once(share) * (size_t)settings->max_batch,
        .groups = share->elastic ? (size_t)share->workers : 0,
        .group_cpus = (size_t)share->threads,
        .delay_ns = settings->batch_delay_us * 1000,
        .picture_bytes = server->memory.requests};
    int rc = px_metrics_create(&server->metrics, err);

    server->bodies.limit = server->memory.requests;
    if (rc == 0)
        rc = px_queue_create(&server->queue, &queue, err);
    if (rc == 0)
        rc = px_cgroup_create(&server->cgroup, "", err);
    return rc;
}

static int open_admin(struct px_listeners *listeners, const struct px_server_settings *settings,
                      struct px_error *err)
{
    /* Those of a service manager come first. */
    if (listeners->count > 0 || settings->admin_listen.count == 0)
        return 0;
    int rc = px_listeners_open(listeners, &settings->admin_listen, err);
    if (rc < 0)
        px_error_prefix(err, "--admin-listen");
    return rc;
}

static int open_listeners(struct px_listeners *listeners, struct px_listeners *admin,
                          const struct px_server_settings *settings, struct px_error *err)
{
    int rc = px_systemd_listeners(listeners, admin, err);

    if (rc < 0)
        return rc;
    if (listeners->count == 0) {
        rc = px_listeners_open(listeners, &settings->listen, err);
        if (rc == -PX_E_IO)
            px_error_prefix(err, "--listen");
        return rc;
    }
    px_log_info("%zu socket%s from the service manager instead of --listen", listeners->count,
                listeners->count > 1 ? "s" : "");
    return 0;
}

/* `listeners` ends with NULL. Unix sockets are removed at the end. */
static void enter_sandbox(struct px_server *server, const struct px_listeners *const *listeners)
{
    const char *gone[2 * PX_LISTENERS_MAX];
    struct px_sandbox_options options = {
        .models = server->settings->models, .file = server->settings->api_keys, .gone = gone};

    for (; *listeners; listeners++)
        for (size_t i = 0; i < (*listeners)->count; i++)
            if ((*listeners)->sockets[i].path[0] != '\0')
                gone[options.gone_count++] = (*listeners)->sockets[i].path;
    px_sandbox_enter(&server->sandbox, &options);
}

/* What root may do, and most of what anybody may, is over before models are read. */
static int give_up(struct px_server *server, const struct px_listeners *const *listeners,
                   struct px_error *err)
{
    const struct px_server_settings *settings = server->settings;
    const bool sandbox = settings->sandbox == 0;
    const struct px_privileges_options options = {.user = settings->user,
                                                  .models = settings->models,
                                                  .file = settings->api_keys,
                                                  .restricted =
                                                      sandbox && px_sandbox_can_restrict_files()};

    json_object_seed(0); /* by which a client cannot guess; reads /dev/urandom */
    int rc = px_privileges_drop(&options, err);
    if (rc == 0 && sandbox)
        enter_sandbox(server, listeners);
    else if (rc == 0)
        px_log_info("sandbox: off");
    return rc;
}

int px_daemon_run(const struct px_server_settings *settings, struct px_error *err)
{
    struct px_server server = {.settings = settings, .start_time = (double)time(NULL)};
    struct px_listeners listeners, admin;
    struct px_systemd systemd;
    sigset_t signals;
    struct watchman man = {
        .server = &server, .systemd = &systemd, .admin_listeners = &admin, .signals = &signals};

    px_signals_block(&signals);
    count_connections(&server);
    int rc = open_listeners(&listeners, &admin, settings, err);
    if (rc < 0)
        return rc;
    rc = open_admin(&admin, settings, err);
    if (rc < 0) {
        px_listeners_close(&listeners);
        return rc;
    }
    server.has_admin = admin.count > 0;
    px_systemd_init(&systemd);
    px_signals_obey(&signals);
    rc = give_up(&server, (const struct px_listeners *const[]){&listeners, &admin, NULL}, err);
    if (rc == 0)
        rc = load(&server, true, err);
    px_signals_hold(&signals);
    if (rc == 0) {
        log_cpus(&server);
        rc = make_parts(&server, err);
    }
    if (rc == 0)
        rc = listen_and_serve(&man, &listeners, err);
    px_systemd_clear(&systemd);
    px_listeners_close(&listeners);
    px_listeners_close(&admin);
    px_queue_destroy(server.queue);
    px_cgroup_destroy(server.cgroup);
    px_metrics_destroy(server.metrics);
    px_models_destroy(server.models);
    px_sandbox_clear(&server.sandbox);
    return rc;
}
