#ifndef SERVER_SETTINGS_CPU_SPLIT_H
#define SERVER_SETTINGS_CPU_SPLIT_H

/* How the CPUs are divided among threads, as far as the options leave it open. A pure function. */

#include <stdbool.h>
#include <stddef.h>

#include "model/dnn/cpu.h"
#include "server/settings/settings.h"

struct px_cpu_split {
    int cpus;             /* to use: --cpus, else what the process may */
    int workers, threads; /* teams, and the threads of each */
    bool elastic;         /* each team shares its CPUs with as many workers of one thread */
    bool pin;             /* team i's threads are pinned to CPUs i * threads and so on */
    int codecs;           /* codec threads */
};

/* Elastic unless workers or threads are given, and if teams have two or four threads: with those
 * numbers oneDNN adds in the same order as with one, so that answers do not depend on who gives
 * them (tests/model/engine/test_teams.c).
 *
 * Teams are pinned only if --pin says so, or if the process was given CPUs of its own: a mask
 * narrower than the machine, and no quota below it. Otherwise several daemons on one machine would
 * all be pinned to its first CPUs. */
struct px_cpu_split px_cpu_split_plan(const struct px_server_settings *settings,
                                      const struct px_cpus *cpus);

/* All that take batches: the teams and, if it is elastic, the workers of one thread. */
int px_cpu_split_workers(const struct px_cpu_split *split);
/* Of these, how many may compute at the same time. */
int px_cpu_split_at_once(const struct px_cpu_split *split);

/* Writes how many workers there are, with how many threads; in less than 96 bytes. */
void px_cpu_split_describe(const struct px_cpu_split *split, char *text, size_t size);

#endif
