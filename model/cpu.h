#ifndef MODEL_CPU_H
#define MODEL_CPU_H

/* Which CPUs the engine's threads sit on. px_cpu_count() and px_cpu_is_fast_in_bf16() are public,
 * in model/engine.h. */

#include <sched.h>

#include "base/error.h"

/* The team of the calling thread as px_cpu_team_start() found it. */
struct px_cpu_team {
    int threads;
    int pinned;
    cpu_set_t before; /* the calling thread's mask */
};

/* Starts the calling thread's OpenMP team of `threads` and makes each flush denormals to zero.
 * first_cpu >= 0: pins thread i to the CPU of the caller's mask with index first_cpu + i, around
 * the mask. The caller itself is thread 0. Never inside an OpenMP region. */
int px_cpu_team_start(struct px_cpu_team *team, int threads, int first_cpu, struct px_error *err);

/* Gives every thread of a pinned team the caller's old mask back. */
void px_cpu_team_stop(const struct px_cpu_team *team);

#endif
