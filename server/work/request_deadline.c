#include "server/work/request_deadline.h"

#include <stdlib.h>

enum { TIMEOUT_MS_MAX = 86400000 };

int px_request_deadline_read(const char *header, int64_t most_ns, int64_t *allowance_ns,
                             struct px_error *err)
{
    *allowance_ns = most_ns;
    if (!header)
        return 0;
    char *end;
    long ms = strtol(header, &end, 10);
    if (header[0] < '0' || header[0] > '9' || *end != '\0' || ms < 1 || ms > TIMEOUT_MS_MAX)
        return px_fail(err, PX_E_INVALID,
                       "X-Request-Timeout-Ms is '%.40s'; send a number of milliseconds from 1 to "
                       "%d",
                       header, TIMEOUT_MS_MAX);
    int64_t asked_ns = (int64_t)ms * 1000000;
    if (most_ns == 0 || asked_ns < most_ns)
        *allowance_ns = asked_ns;
    return 0;
}

void px_request_deadline_set(struct px_job *job, int64_t now_ns)
{
    job->deadline_ns = job->allowance_ns > 0 ? now_ns + job->allowance_ns : 0;
}

bool px_request_deadline_is_over(const struct px_job *job, int64_t now_ns)
{
    return job->deadline_ns != 0 && now_ns >= job->deadline_ns;
}

bool px_job_is_unwanted(const struct px_job *job, int64_t now_ns)
{
    return atomic_load(&job->cancelled) || px_request_deadline_is_over(job, now_ns);
}

enum px_drop_reason px_job_fail_unwanted(struct px_job *job, int64_t now_ns)
{
    struct px_error err = {0};
    enum px_drop_reason reason = PX_DROPPED_STOPPING;

    if (atomic_load(&job->cancelled)) {
        reason = PX_DROPPED_CANCELLED;
        px_fail(&err, PX_E_BUSY, "the client went away");
    } else if (px_request_deadline_is_over(job, now_ns)) {
        reason = PX_DROPPED_DEADLINE;
        px_fail(&err, PX_E_LATE,
                "the answer was not ready within the request's %.1f s; try again later or allow "
                "more time",
                (double)job->allowance_ns * 1e-9);
    } else {
        px_fail(&err, PX_E_BUSY, "the daemon is stopping; send the request again elsewhere");
    }
    px_job_fail(job, &err);
    return reason;
}
