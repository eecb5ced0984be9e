#ifndef SERVER_FRONT_URGENCY_H
#define SERVER_FRONT_URGENCY_H

/* Threads that have little to do and should do it at once, beside others that compute: the kernel
 * (Linux 6.12 or later) lets them run before these, though not more than their share, and where
 * the limit of nice values allows it (LimitNICE=, CAP_SYS_NICE) they have a higher priority.
 *
 * Threads inherit it from the one that starts them: raise it, start them, restore it. */

#include <stdint.h>

/* How a thread was scheduled: the kernel's struct sched_attr, whose header cannot be included
 * beside pthread.h. */
struct px_urgency {
    uint32_t size, policy; /* size 0: it is not known */
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; /* runtime: the slice, in ns */
};

/* Of the calling thread. If the kernel refuses, nothing changes. */
void px_urgency_raise(struct px_urgency *before);
void px_urgency_restore(const struct px_urgency *before);

#endif
