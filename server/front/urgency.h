#ifndef SERVER_FRONT_URGENCY_H
#define SERVER_FRONT_URGENCY_H

/* For threads that have little to do but must do it at once, beside others that compute. They get
 * the most that the kernel allows: the lowest real-time priority (RLIMIT_RTPRIO, CAP_SYS_NICE),
 * which stops any other thread at once; or the highest nice value (RLIMIT_NICE) and, in Linux 6.12
 * or later, short slices, which run first within a fair share of the CPUs. They must never spin.
 *
 * A thread inherits this from the one that starts it: raise, start the threads, restore. */

#include <stdint.h>

/* How a thread was scheduled: the kernel's struct sched_attr, whose header cannot be included
 * beside pthread.h. */
struct px_urgency {
    uint32_t size, policy; /* size 0: not known, and nothing was raised */
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; /* runtime: the slice, in ns */
};

/* Raises the calling thread and fills *before. If the kernel refuses, nothing changes. */
void px_urgency_raise(struct px_urgency *before);
void px_urgency_restore(const struct px_urgency *before);

#endif
