#ifndef SERVER_WORK_FAIR_H
#define SERVER_WORK_FAIR_H

/* Jobs that wait, in an order that gives every client its share, however many jobs it sends and
 * however large they are (start-time fair queueing).
 *
 * Each job belongs to a flow, which its client's key decides; clients whose keys fall together
 * share a flow. The next job is the oldest one of the flow that has been given least, where a job
 * counts as its `cost`. A flow that was empty gets no credit for that time. Within a
 * flow the order is that of arrival. With one client this is a plain queue.
 *
 * No allocation. The caller locks, and keeps the jobs alive. */

#include "server/work/job_list.h"

enum { PX_FAIR_FLOWS = 256 };

struct px_fair_flow {
    struct px_job_list jobs;
    uint64_t given; /* in units of cost, on the common scale of all flows */
};

struct px_fair {
    struct px_fair_flow flows[PX_FAIR_FLOWS];
    uint64_t now; /* `given` of the flow that was served last */
    size_t count;
};

static inline size_t px_fair_flow_of(const struct px_job *job)
{
    return job->client % PX_FAIR_FLOWS;
}

void px_fair_init(struct px_fair *fair);
void px_fair_append(struct px_fair *fair, struct px_job *job);

/* The job whose turn it is, which stays where it is; NULL if there is none. */
struct px_job *px_fair_first(const struct px_fair *fair);

/* Removes that job and charges its flow. */
struct px_job *px_fair_take(struct px_fair *fair);

/* Moves every job that `which` approves of to the end of `list`, uncharged. */
void px_fair_remove_if(struct px_fair *fair,
                       bool (*which)(const struct px_job *job, int64_t now_ns), int64_t now_ns,
                       struct px_job_list *list);

/* When the job that has waited longest began to wait, in px_now_ns(); INT64_MAX without jobs. */
int64_t px_fair_oldest(const struct px_fair *fair);

#endif
