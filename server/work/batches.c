#include "server/work/parts/queue_parts.h"

#include <assert.h>

#include "base/clock.h"
#include "server/work/request_deadline.h"

static size_t matching(const struct px_queue *queue, const struct px_job *with)
{
    size_t n = 0;

    for (const struct px_job *job = queue->ready.head; job; job = job->next)
        n += px_job_matches(with, job);
    return n;
}

/* Other idle workers whose turn it is as well. */
static size_t colleagues(struct px_queue *queue, const struct px_seat *of)
{
    size_t n = 0;

    for (const struct px_seat *seat = queue->idle; seat; seat = seat->next)
        n += seat != of && px_queue_turn(queue, seat);
    return n;
}

/* How many of `jobs` that match the worker that asks should take: a share, as there are `others`
 * idle, as a power of two. */
static size_t batch_size(size_t jobs, size_t others, size_t max)
{
    size_t share = (jobs + others) / (others + 1), size = 1;

    if (share >= max)
        return max;
    while (2 * size <= share)
        size *= 2;
    return size;
}

/* Until when the worker that may take `first` should wait for a larger batch; 0: it should not. */
static int64_t worth_waiting(struct px_queue *queue, const struct px_seat *seat,
                             const struct px_job *first, size_t max)
{
    size_t ready = queue->ready.count;
    size_t near = queue->waiting < queue->options.ahead ? queue->waiting : queue->options.ahead;

    if (queue->options.delay_ns == 0 || near <= ready || matching(queue, first) < ready)
        return 0;
    size_t others = colleagues(queue, seat);
    if (batch_size(near, others, max) == batch_size(ready, others, max))
        return 0;
    int64_t until = first->waiting_since + queue->options.delay_ns;
    return px_now_ns() < until ? until : 0;
}

static void drop_unwanted(struct px_queue *queue)
{
    int64_t now = px_now_ns();

    for (struct px_job **link = &queue->ready.head; *link;)
        if (px_job_is_unwanted(*link, now))
            px_queue_drop(queue, px_job_list_remove(&queue->ready, link));
        else
            link = &(*link)->next;
}

static void wait_until(struct px_queue *queue, struct px_seat *seat, int64_t end_ns)
{
    const struct timespec end = {.tv_sec = end_ns / 1000000000, .tv_nsec = end_ns % 1000000000};

    if (end_ns == INT64_MAX)
        pthread_cond_wait(&seat->wake, &queue->lock);
    else
        pthread_cond_timedwait(&seat->wake, &queue->lock, &end);
}

/* Blocks until there is a batch to take, and returns its first job; NULL if no more will come, it
 * is `end_ns`, or the worker must yield. */
static struct px_job **wait_for_batch(struct px_queue *queue, struct px_seat *seat, size_t max,
                                      int64_t end_ns)
{
    for (;;) {
        drop_unwanted(queue);
        struct px_job **first = px_queue_turn(queue, seat);
        if (first) {
            int64_t until = worth_waiting(queue, seat, *first, max);
            if (until == 0)
                return first;
            wait_until(queue, seat, until);
            continue;
        }
        if (px_queue_must_yield(queue, seat)) {
            seat->yields = true;
            return NULL;
        }
        if ((queue->closed && queue->waiting == 0) || px_now_ns() >= end_ns)
            return NULL;
        if (queue->ready.head)
            px_queue_wake_worker(queue); /* what woke this one is another's turn */
        wait_until(queue, seat, end_ns);
    }
}

static void take(struct px_queue *queue, struct px_job *job)
{
    job->queue_ms += px_ms_since(job->waiting_since);
    px_queue_give_place(queue, job);
    assert(queue->heavy_ahead >= job->heavy);
    queue->heavy_ahead -= job->heavy;
    px_tally_move(&queue->tally, job, PX_JOB_INFERRING);
}

static size_t collect(struct px_queue *queue, struct px_job **first, struct px_job **jobs,
                      size_t size)
{
    struct px_job **link = first;
    size_t n = 0;

    while (*link && n < size) {
        if (n == 0 || px_job_matches(jobs[0], *link)) {
            jobs[n] = px_job_list_remove(&queue->ready, link);
            take(queue, jobs[n++]);
        } else {
            link = &(*link)->next;
        }
    }
    return n;
}

static void sit_down(struct px_queue *queue, struct px_seat *seat)
{
    struct px_seat **end = &queue->idle;

    while (*end)
        end = &(*end)->next;
    *end = seat;
    seat->next = NULL;
    queue->idle_count++;
}

static void stand_up(struct px_queue *queue, const struct px_seat *seat)
{
    struct px_seat **link = &queue->idle;

    while (*link != seat)
        link = &(*link)->next;
    *link = seat->next;
    assert(queue->idle_count > 0);
    queue->idle_count--;
}

size_t px_queue_take_batch(struct px_queue *queue, struct px_seat *seat, struct px_job **jobs,
                           size_t max, int64_t end_ns)
{
    size_t n = 0;

    pthread_mutex_lock(&queue->lock);
    px_queue_end_turn(queue, seat);
    sit_down(queue, seat);
    struct px_job **first = wait_for_batch(queue, seat, max, end_ns);
    size_t others = first ? colleagues(queue, seat) : 0;
    stand_up(queue, seat);
    if (first) {
        px_queue_begin_turn(queue, seat, *first);
        n = collect(queue, first, jobs, batch_size(matching(queue, *first), others, max));
        pthread_cond_broadcast(&queue->tasks); /* more may be decoded */
    }
    if (queue->ready.head)
        px_queue_wake_worker(queue); /* a colleague may be waiting for more */
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
    return n;
}

void px_queue_infer_done(struct px_queue *queue, struct px_job *job)
{
    pthread_mutex_lock(&queue->lock);
    px_tally_move(&queue->tally, job, PX_JOB_INFERRED);
    px_job_list_append(&queue->inferred[job->heavy], job);
    pthread_cond_signal(&queue->tasks);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_hand_over(struct px_queue *queue, struct px_job *job)
{
    pthread_mutex_lock(&queue->lock);
    job->team_only = true;
    job->waiting_since = px_now_ns();
    queue->waiting++;
    queue->clients += queue->own[px_fair_flow_of(job)]++ == 0;
    queue->heavy_ahead += job->heavy;
    px_tally_move(&queue->tally, job, PX_JOB_READY);
    px_job_list_prepend(&queue->ready, job);
    px_queue_wake_worker(queue);
    pthread_mutex_unlock(&queue->lock);
}
