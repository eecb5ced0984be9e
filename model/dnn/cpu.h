#ifndef MODEL_DNN_CPU_H
#define MODEL_DNN_CPU_H

/* What the CPUs can do, how many of them this process may use, and teams of threads on them. */

#include <sched.h>
#include <stdbool.h>

#include "base/error.h"

/* Whether bf16 is faster than f32, which is what AUTO decides by: with AMX (if the kernel grants
 * it), and on AMD's CPUs with bf16 in AVX-512. Intel's without AMX take twice as long in bf16.
 * Only what oneDNN may use counts: ONEDNN_MAX_CPU_ISA. */
bool px_cpu_is_fast_in_bf16(void);

/* Whether int8 is exact and fast: with VNNI or AMX. Others add pairs of products in 16 bits, which
 * is not enough. Only what oneDNN may use counts. */
bool px_cpu_has_int8(void);

/* Whether 512-bit registers exist, for code of our own. */
bool px_cpu_has_wide_registers(void);

/* How many CPUs this process may use. */
struct px_cpus {
    int machine;          /* online; at least 1 */
    int mask;             /* in the calling thread's affinity mask; at least 1 */
    double quota;         /* CPU time per time that control groups allow; INFINITY: unlimited */
    char quota_file[256]; /* which file says so; "" if unlimited */
    int usable;           /* the smaller of mask and quota, rounded down; at least 1 */
};

/* Call it before the calling thread or its parent is pinned (px_cpu_team_start() with a first_cpu):
 * a pinned thread's mask is one CPU. `root`: as in base/cgroup.h, "" for this machine. */
void px_cpus_read(const char *root, struct px_cpus *cpus);

/* `usable` of this machine. */
int px_cpu_count(void);

/* The team of the calling thread as px_cpu_team_start() found it. */
struct px_cpu_team {
    int threads;
    bool pinned;
    cpu_set_t before; /* the calling thread's mask */
};

/* Starts the calling thread's OpenMP team of `threads` and makes each flush denormals to zero.
 * first_cpu >= 0: pins thread i to the CPU of the caller's mask with index first_cpu + i, around
 * the mask. The caller itself is thread 0. Never inside an OpenMP region. USAGE if OpenMP starts
 * fewer threads, INTERNAL if they cannot be pinned. */
int px_cpu_team_start(struct px_cpu_team *team, int threads, int first_cpu, struct px_error *err);

/* Gives every thread of a pinned team the caller's old mask back. */
void px_cpu_team_stop(const struct px_cpu_team *team);

#endif
