#ifndef SERVER_SETTINGS_CPU_SPLIT_H
#define SERVER_SETTINGS_CPU_SPLIT_H

/* How the CPUs are shared out to threads where the options leave it open. A pure function. */

#include <stdbool.h>

#include "server/settings/settings.h"

struct px_cpu_split {
    int workers, threads; /* teams, and the threads of each */
    bool pin;             /* team i's threads sit on CPUs i * threads and so on */
    int codecs;           /* codec threads */
};

struct px_cpu_split px_cpu_split_plan(const struct px_server_settings *settings, int cpus);

#endif
