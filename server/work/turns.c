#include "server/work/parts/queue_parts.h"

#include <assert.h>

#include "base/clock.h"

void px_seat_init(struct px_seat *seat, struct px_queue *queue, int group, bool team)
{
    pthread_condattr_t monotonic;

    assert(group < (int)queue->options.groups && !(team && group < 0));
    *seat = (struct px_seat){.group = group, .team = team, .has_plans = group >= 0 && !team};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* px_now_ns()'s */
    pthread_cond_init(&seat->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_lock(&queue->lock);
    if (seat->has_plans)
        queue->groups[group].with_plans++;
    pthread_mutex_unlock(&queue->lock);
}

void px_seat_clear(struct px_seat *seat)
{
    pthread_cond_destroy(&seat->wake);
}

static bool is_idle(const struct px_group *group)
{
    return group->running == 0 && !group->team_runs;
}

/* While the first job is for teams only, the group that is least busy waits for it. */
static void choose_draining(struct px_queue *queue)
{
    if (!queue->groups || !queue->ready.head || !queue->ready.head->team_only) {
        queue->draining = NULL;
        return;
    }
    if (queue->draining)
        return;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < queue->options.groups; i++) {
        struct px_group *group = &queue->groups[i];
        size_t busy = group->running + group->team_runs * queue->options.group_cpus;
        if (busy < least) {
            least = busy;
            queue->draining = group;
        }
    }
}

static struct px_pace_kind kind_of(const struct px_job *job)
{
    return (struct px_pace_kind){job->model, job->fit.height, job->fit.width};
}

/* Whether teams answer this job, and all there are, sooner than singles. */
static bool prefers_team(struct px_queue *queue, const struct px_job *job)
{
    const size_t cpus = queue->options.group_cpus;
    const struct px_pace_kind kind = kind_of(job);
    size_t jobs = px_tally_sum(&queue->tally, PX_JOB_SUBMITTED, PX_JOB_READY), idle = 0;

    jobs -= queue->parked.count; /* their models have to be loaded first */
    for (size_t i = 0; i < queue->options.groups; i++)
        idle += is_idle(&queue->groups[i]) && queue->draining != &queue->groups[i];
    return jobs <= idle * (cpus > 1 ? cpus / 2 : 1) &&
           px_pace_prefers_team(px_pace_find(&queue->paces, &kind), px_now_ns());
}

static struct px_job **turn_of_team(struct px_queue *queue, const struct px_group *group)
{
    struct px_job **first = &queue->ready.head;

    if (!is_idle(group))
        return NULL;
    if ((*first)->team_only)
        return queue->draining == group && group->with_plans == 0 ? first : NULL;
    return prefers_team(queue, *first) ? first : NULL;
}

static struct px_job **turn_of_single(struct px_queue *queue, const struct px_group *group)
{
    struct px_job **link = &queue->ready.head;

    if (group->team_runs || queue->draining == group)
        return NULL;
    while (*link && (*link)->team_only)
        link = &(*link)->next;
    if (!*link)
        return NULL;
    return link == &queue->ready.head && is_idle(group) && prefers_team(queue, *link) ? NULL : link;
}

struct px_job **px_queue_turn(struct px_queue *queue, const struct px_seat *seat)
{
    choose_draining(queue);
    if (!queue->ready.head)
        return NULL;
    if (seat->group < 0)
        return &queue->ready.head;
    const struct px_group *group = &queue->groups[seat->group];
    return seat->team ? turn_of_team(queue, group) : turn_of_single(queue, group);
}

bool px_queue_must_yield(struct px_queue *queue, const struct px_seat *seat)
{
    choose_draining(queue);
    return seat->has_plans && queue->draining == &queue->groups[seat->group];
}

/* What a single takes beside others of its group says nothing about a lone request. */
static void record_pace(struct px_queue *queue, const struct px_seat *seat,
                        const struct px_group *group)
{
    if (seat->picture_ns > 0 && seat->turn == group->turns)
        px_pace_record(px_pace_find(&queue->paces, &seat->kind), seat->team, seat->picture_ns,
                       px_now_ns());
}

void px_queue_end_turn(struct px_queue *queue, struct px_seat *seat)
{
    struct px_group *group = seat->group < 0 ? NULL : &queue->groups[seat->group];

    if (group && seat->yields) {
        assert(seat->has_plans && group->with_plans > 0);
        seat->has_plans = false;
        group->with_plans--;
    }
    if (group && seat->runs) {
        assert(seat->team ? group->team_runs : group->running > 0);
        if (seat->team)
            group->team_runs = false;
        else
            group->running--;
        record_pace(queue, seat, group);
    }
    seat->yields = seat->runs = false;
}

void px_queue_begin_turn(struct px_queue *queue, struct px_seat *seat, const struct px_job *job)
{
    struct px_group *group = seat->group < 0 ? NULL : &queue->groups[seat->group];

    assert(!seat->runs && !seat->yields);
    seat->runs = true;
    seat->kind = kind_of(job);
    seat->picture_ns = 0;
    if (!group)
        return;
    if (job->team_only)
        queue->draining = NULL;
    group->turns++;
    seat->turn = is_idle(group) ? group->turns : 0;
    group->team_runs = seat->team;
    group->running += !seat->team;
    group->with_plans += !seat->team && !seat->has_plans;
    seat->has_plans = !seat->team;
}

void px_queue_wake_worker(struct px_queue *queue)
{
    for (struct px_seat *seat = queue->idle; seat; seat = seat->next)
        if (px_queue_turn(queue, seat) || px_queue_must_yield(queue, seat)) {
            pthread_cond_signal(&seat->wake);
            return;
        }
}
