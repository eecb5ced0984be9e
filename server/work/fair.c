#include "server/work/fair.h"

#include <assert.h>

void px_fair_init(struct px_fair *fair)
{
    fair->now = 0;
    fair->count = 0;
    for (size_t i = 0; i < PX_FAIR_FLOWS; i++) {
        px_job_list_init(&fair->flows[i].jobs);
        fair->flows[i].given = 0;
    }
}

void px_fair_append(struct px_fair *fair, struct px_job *job)
{
    struct px_fair_flow *flow = &fair->flows[px_fair_flow_of(job)];

    if (!flow->jobs.head && flow->given < fair->now)
        flow->given = fair->now;
    px_job_list_append(&flow->jobs, job);
    fair->count++;
}

/* Equal flows are served in the order in which their jobs came. */
static bool goes_before(const struct px_fair_flow *a, const struct px_fair_flow *b)
{
    if (a->given != b->given)
        return a->given < b->given;
    return a->jobs.head->waiting_since < b->jobs.head->waiting_since;
}

static const struct px_fair_flow *first_flow(const struct px_fair *fair)
{
    const struct px_fair_flow *first = NULL;

    for (size_t i = 0; i < PX_FAIR_FLOWS && fair->count > 0; i++) {
        const struct px_fair_flow *flow = &fair->flows[i];
        if (flow->jobs.head && (!first || goes_before(flow, first)))
            first = flow;
    }
    return first;
}

struct px_job *px_fair_first(const struct px_fair *fair)
{
    const struct px_fair_flow *flow = first_flow(fair);

    return flow ? flow->jobs.head : NULL;
}

struct px_job *px_fair_take(struct px_fair *fair)
{
    struct px_fair_flow *flow = &fair->flows[first_flow(fair) - fair->flows];
    struct px_job *job = px_job_list_remove(&flow->jobs, &flow->jobs.head);

    assert(fair->count > 0 && flow->given >= fair->now);
    fair->count--;
    fair->now = flow->given;
    flow->given += job->cost;
    return job;
}

void px_fair_remove_if(struct px_fair *fair,
                       bool (*which)(const struct px_job *job, int64_t now_ns), int64_t now_ns,
                       struct px_job_list *list)
{
    for (size_t i = 0; i < PX_FAIR_FLOWS && fair->count > 0; i++) {
        struct px_job_list *jobs = &fair->flows[i].jobs;
        struct px_job **link = &jobs->head;
        while (*link) {
            if (!which(*link, now_ns)) {
                link = &(*link)->next;
                continue;
            }
            px_job_list_append(list, px_job_list_remove(jobs, link));
            fair->count--;
        }
    }
}

int64_t px_fair_oldest(const struct px_fair *fair)
{
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < PX_FAIR_FLOWS && fair->count > 0; i++) {
        const struct px_job *job = fair->flows[i].jobs.head;
        if (job && job->waiting_since < oldest)
            oldest = job->waiting_since;
    }
    return oldest;
}
