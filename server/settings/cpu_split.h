#ifndef SERVER_SETTINGS_CPU_SPLIT_H
#define SERVER_SETTINGS_CPU_SPLIT_H

/* How the CPUs are divided among threads, as far as the options leave it open. A pure function. */

#include <stdbool.h>

#include "model/dnn/cpu.h"
#include "server/settings/settings.h"

struct px_cpu_split {
    int cpus;             /* to use: --cpus, else what the process may */
    int workers, threads; /* teams, and the threads of each */
    bool pin;             /* team i's threads are pinned to CPUs i * threads and so on */
    int codecs;           /* codec threads */
};

/* Teams are pinned only if --pin says so, or if the process was given CPUs of its own: a mask
 * narrower than the machine, and no quota below it. Otherwise several daemons on one machine would
 * all be pinned to its first CPUs. */
struct px_cpu_split px_cpu_split_plan(const struct px_server_settings *settings,
                                      const struct px_cpus *cpus);

#endif
