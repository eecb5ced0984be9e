#ifndef SERVER_WORK_SERVER_H
#define SERVER_WORK_SERVER_H

/* What all threads of the daemon share. Everything pointed to is made before the first thread and
 * destroyed after the last; `draining` goes from false to true once. */

#include <stdatomic.h>

#include "base/cgroup.h"
#include "server/metrics/budget.h"
#include "server/metrics/metrics.h"
#include "server/models/reload.h"
#include "server/sandbox/sandbox.h"
#include "server/settings/cpu_split.h"
#include "server/settings/memory_split.h"
#include "server/settings/settings.h"
#include "server/work/queue.h"

struct px_server {
    const struct px_server_settings *settings;
    struct px_sandbox sandbox; /* nothing with --sandbox off */
    struct px_models *models;
    struct px_reloader *reloader;
    struct px_metrics *metrics;
    struct px_cgroup *cgroup;
    struct px_queue *queue;
    struct px_cpus cpus;
    struct px_cpu_split share;
    struct px_memory_split memory;
    struct px_budget bodies;
    bool has_admin;          /* --admin-listen has /metrics, so --listen has not */
    int64_t max_connections; /* of the settings, or what the limit of open files allows */
    atomic_size_t plans;     /* bytes that all workers' plans hold */
    double start_time;       /* Unix time, in seconds */
    atomic_bool started;     /* all models that were there at the start have been loaded */
    atomic_bool draining; /* told to stop, but still serves: load balancers are to look elsewhere */
    atomic_bool stale_keys; /* --api-keys could not be read when it was last reloaded */
    /* Kept up to date by px_crew_watch(). */
    atomic_int stuck_workers;      /* without a heartbeat for STUCK_SECONDS or --request-deadline */
    atomic_bool all_stuck;         /* no worker is left that could take a batch */
    atomic_llong heartbeat_age_ns; /* of the worker that has been silent for longest */
};

#endif
