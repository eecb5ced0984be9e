#include "server/work/parts/queue_parts.h"

#include <assert.h>

#include "base/clock.h"
#include "server/work/request_deadline.h"

static size_t matching(const struct px_queue *queue)
{
    size_t n = 0;

    for (const struct px_job *job = queue->ready.head; job; job = job->next)
        n += px_job_matches(queue->ready.head, job);
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

/* Until when the worker that asks should wait for a larger batch; 0: it should not. */
static int64_t worth_waiting(const struct px_queue *queue, size_t max)
{
    const struct px_job *oldest = queue->ready.head;
    size_t ready = queue->ready.count, others = queue->idle - 1;
    size_t near = queue->waiting < queue->options.ahead ? queue->waiting : queue->options.ahead;

    if (queue->options.delay_ns == 0 || near <= ready || matching(queue) < ready ||
        batch_size(near, others, max) == batch_size(ready, others, max))
        return 0;
    int64_t until = oldest->waiting_since + queue->options.delay_ns;
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

static void wait_until(struct px_queue *queue, int64_t end_ns)
{
    const struct timespec end = {.tv_sec = end_ns / 1000000000, .tv_nsec = end_ns % 1000000000};

    if (end_ns == INT64_MAX)
        pthread_cond_wait(&queue->batches, &queue->lock);
    else
        pthread_cond_timedwait(&queue->batches, &queue->lock, &end);
}

/* Blocks until there is a batch to take, no more will come, or it is `end_ns`. */
static void wait_for_batch(struct px_queue *queue, size_t max, int64_t end_ns)
{
    for (;;) {
        drop_unwanted(queue);
        if (queue->ready.head) {
            int64_t until = worth_waiting(queue, max);
            if (until == 0)
                return;
            wait_until(queue, until);
        } else if ((queue->closed && queue->waiting == 0) || px_now_ns() >= end_ns) {
            return;
        } else {
            wait_until(queue, end_ns);
        }
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

static size_t collect(struct px_queue *queue, struct px_job **jobs, size_t size)
{
    struct px_job **link = &queue->ready.head;
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

size_t px_queue_take_batch(struct px_queue *queue, struct px_job **jobs, size_t max, int64_t end_ns)
{
    size_t n = 0;

    pthread_mutex_lock(&queue->lock);
    queue->idle++;
    wait_for_batch(queue, max, end_ns);
    assert(queue->idle > 0);
    queue->idle--;
    if (queue->ready.head) {
        n = collect(queue, jobs, batch_size(matching(queue), queue->idle, max));
        pthread_cond_broadcast(&queue->tasks); /* more may be decoded */
        if (queue->ready.head)
            pthread_cond_signal(&queue->batches); /* a colleague may be waiting for more */
    }
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
