#ifndef SERVER_WORK_CANCEL_H
#define SERVER_WORK_CANCEL_H

/* Dropping jobs whose clients are gone. */

#include "server/work/heartbeat.h"
#include "server/work/server.h"

/* The client of a submitted job is gone: the job is dropped from the queue, or at the next stage,
 * or, if no other job of its batch is wanted, at the next layer of the network. job->done() is
 * still called once, soon, with a problem document as the reply unless the answer was ready before.
 * May be called from any thread, also repeatedly, as long as the job cannot be freed meanwhile:
 * before done(), or under a lock that done()'s consequences take. */
void px_job_cancel(struct px_job *job);

/* For px_batch.stop: whether no job of a batch is wanted any more. */
struct px_batch_watch {
    struct px_job *const *jobs;
    size_t count;
    struct px_heartbeat *heartbeat; /* beats with each question */
};
bool px_batch_is_unwanted(void *watch);

#endif
