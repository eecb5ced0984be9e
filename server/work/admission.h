#ifndef SERVER_WORK_ADMISSION_H
#define SERVER_WORK_ADMISSION_H

/* Whether a request may wait, decided when it arrives: one that cannot be answered in time is
 * refused at once, which costs nothing, rather than answered too late. It goes by the rate at
 * which jobs have lately left the queue.
 *
 * Plain data; the caller locks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct px_admission {
    /* Set at the start. */
    size_t limit;        /* requests that may wait, at most */
    size_t always;       /* requests that may wait however slow the machine is */
    int64_t max_wait_ns; /* jobs may wait that will leave the queue in this time; 0: any number */

    /* Measured; zero at the start. */
    int64_t interval_ns; /* between two jobs that leave the queue while others wait; 0: not known */
    int64_t last_ns;     /* when a job left last */
    bool backlog;        /* and whether others were waiting then */
};

/* The queue as the request finds it. */
struct px_admission_load {
    size_t waiting; /* requests */
    size_t own;     /* of these: from its own client */
    size_t clients; /* that have requests waiting, its own included */
};

/* 0, or BUSY with the reason: too many requests wait, altogether or of this client (several clients
 * share the places, and one alone leaves a quarter to others), they would take longer than
 * max_wait_ns, or this request would have to wait and, taking as long as others, be answered after
 * `allowance_ns`, the time that it has (0: no limit). */
int px_admission_check(const struct px_admission *admission, const struct px_admission_load *load,
                       int64_t allowance_ns, struct px_error *err);

/* A job left the queue at `now_ns`, answered or `dropped`, with `waiting` others behind it. */
void px_admission_record(struct px_admission *admission, int64_t now_ns, bool dropped,
                         size_t waiting);

/* Seconds until those that wait now will be done, for the client to wait before it tries again:
 * 1 to 600. */
int px_admission_retry_seconds(const struct px_admission *admission, size_t waiting);

#endif
