#ifndef SERVER_WORK_SERVER_H
#define SERVER_WORK_SERVER_H

/* What all threads of the daemon share. Everything pointed to is made before the first thread and
 * destroyed after the last; `stopping` goes from false to true once. */

#include <stdatomic.h>

#include "server/metrics/budget.h"
#include "server/metrics/metrics.h"
#include "server/settings/cpu_split.h"
#include "server/settings/memory_split.h"
#include "server/settings/settings.h"
#include "server/work/queue.h"
#include "server/work/registry.h"

struct px_server {
    const struct px_server_settings *settings;
    const struct px_registry *registry;
    struct px_metrics *metrics;
    struct px_queue *queue;
    struct px_cpus cpus;
    struct px_cpu_split share;
    struct px_memory_split memory;
    struct px_budget bodies;
    atomic_size_t plans; /* bytes that all workers' plans hold */
    double start_time;   /* Unix time, in seconds */
    atomic_bool stopping;
};

#endif
