#ifndef MODEL_DNN_CPU_H
#define MODEL_DNN_CPU_H

/* What the CPUs can do, and which of them a team of threads runs on. */

#include <sched.h>
#include <stdbool.h>

#include "base/error.h"

/* True where bf16 is faster than f32, which is what AUTO decides by: with AMX (that the kernel
 * grants), and on CPUs of AMD with bf16 in AVX-512. Intel's without AMX take twice as long in bf16.
 * All by what oneDNN may use: ONEDNN_MAX_CPU_ISA counts. */
bool px_cpu_is_fast_in_bf16(void);

/* True where int8 is exact and fast: with VNNI or AMX. Others add pairs of products in 16 bits,
 * which is not enough. By what oneDNN may use, too. */
bool px_cpu_has_int8(void);

/* The CPUs of the mask that the process was started with, whoever is pinned by now. */
int px_cpu_count(void);

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
