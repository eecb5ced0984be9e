#ifndef SERVER_WORK_REQUEST_DEADLINE_H
#define SERVER_WORK_REQUEST_DEADLINE_H

/* How long an answer may take, from the end of the request's body to the encoded answer: waiting,
 * decoding and computing. A job that is late is dropped at the next stage and, while it is
 * computed, at the next layer, if no other job of its batch is still wanted. */

#include "server/metrics/metrics.h"
#include "server/work/job.h"

/* The time that a request has, in nanoseconds: --request-deadline (`most_ns`; 0: any), or less if
 * the client sends X-Request-Timeout-Ms (`header`, may be NULL). INVALID if that is not a number of
 * milliseconds from 1 to 86400000. */
int px_request_deadline_read(const char *header, int64_t most_ns, int64_t *allowance_ns,
                             struct px_error *err);

/* Sets job->deadline_ns, from now on. */
void px_request_deadline_set(struct px_job *job, int64_t now_ns);

bool px_request_deadline_is_over(const struct px_job *job, int64_t now_ns);

/* Whether the job is late or cancelled, so that its answer is no longer wanted. */
bool px_job_is_unwanted(const struct px_job *job, int64_t now_ns);

/* Makes the reply of a dropped job and returns the reason: 504 if it is late, 503 if its client is
 * gone or the daemon stops. */
enum px_drop_reason px_job_fail_unwanted(struct px_job *job, int64_t now_ns);

#endif
