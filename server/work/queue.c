#include "server/work/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

struct list {
    struct px_job *head, **tail;
    size_t count;
};

struct px_queue {
    pthread_mutex_t lock;
    pthread_cond_t tasks;   /* something for a codec thread */
    pthread_cond_t batches; /* something for a worker */
    struct px_queue_options options;
    struct list submitted, read, ready, inferred;
    size_t waiting;       /* places taken */
    size_t preparing;     /* with codec threads */
    size_t inferring;     /* with workers */
    size_t finishing;     /* with codec threads */
    size_t picture_bytes; /* bytes of pixels, counted from decoding to the end */
    size_t idle;          /* workers that wait for a job, or for more of them */
    bool closed;
};

static void list_init(struct list *list)
{
    list->head = NULL;
    list->tail = &list->head;
    list->count = 0;
}

static void list_append(struct list *list, struct px_job *job)
{
    job->next = NULL;
    *list->tail = job;
    list->tail = &job->next;
    list->count++;
}

/* Removes the job that *link points to. */
static struct px_job *list_remove(struct list *list, struct px_job **link)
{
    struct px_job *job = *link;

    *link = job->next;
    if (!job->next)
        list->tail = link;
    job->next = NULL;
    list->count--;
    return job;
}

int px_queue_create(struct px_queue **out, const struct px_queue_options *options,
                    struct px_error *err)
{
    struct px_queue *queue = calloc(1, sizeof *queue);
    pthread_condattr_t monotonic;

    if (!queue)
        return px_fail(err, PX_E_NOMEM, "no memory for the queue");
    queue->options = *options;
    list_init(&queue->submitted);
    list_init(&queue->read);
    list_init(&queue->ready);
    list_init(&queue->inferred);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->tasks, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* px_now_ns()'s */
    pthread_cond_init(&queue->batches, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = queue;
    return 0;
}

void px_queue_destroy(struct px_queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->batches);
    pthread_cond_destroy(&queue->tasks);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

int px_queue_reserve(struct px_queue *queue, struct px_error *err)
{
    int rc = 0;

    pthread_mutex_lock(&queue->lock);
    if (queue->closed)
        rc = px_fail(err, PX_E_BUSY, "the daemon is stopping; send the request again elsewhere");
    else if (queue->waiting >= queue->options.limit)
        rc = px_fail(err, PX_E_BUSY, "%zu requests are waiting already; try again later",
                     queue->waiting);
    else
        queue->waiting++;
    pthread_mutex_unlock(&queue->lock);
    return rc;
}

void px_queue_submit(struct px_queue *queue, struct px_job *job)
{
    job->waiting_since = px_now_ns();
    pthread_mutex_lock(&queue->lock);
    list_append(&queue->submitted, job);
    pthread_cond_signal(&queue->tasks);
    pthread_mutex_unlock(&queue->lock);
}

/* While the queue drains, any step may be the one that ends the waits of all. */
static void wake_if_closed(struct px_queue *queue)
{
    if (!queue->closed)
        return;
    pthread_cond_broadcast(&queue->tasks);
    pthread_cond_broadcast(&queue->batches);
}

static bool may_read(const struct px_queue *queue)
{
    return queue->submitted.head &&
           queue->preparing + queue->read.count + queue->ready.count < queue->options.ahead;
}

static bool may_decode(const struct px_queue *queue)
{
    const struct px_job *job = queue->read.head;
    size_t limit = queue->options.picture_bytes, used = queue->picture_bytes;

    return job &&
           (used == 0 || (used <= limit && job->kept_bytes + job->decode_bytes <= limit - used));
}

static bool has_task(const struct px_queue *queue)
{
    return queue->inferred.head || may_decode(queue) || may_read(queue);
}

/* Takes the first job of a list to a codec thread. */
static struct px_job *begin(struct px_queue *queue, struct list *list)
{
    struct px_job *job = list_remove(list, &list->head);

    queue->preparing++;
    job->queue_ms += px_ms_since(job->waiting_since);
    return job;
}

/* Nothing is left that could still become a task. */
static bool drained(const struct px_queue *queue)
{
    return queue->closed && queue->waiting == 0 && queue->inferring == 0 &&
           queue->inferred.count == 0;
}

enum px_task px_queue_take_task(struct px_queue *queue, struct px_job **job)
{
    enum px_task task = PX_TASK_NONE;

    pthread_mutex_lock(&queue->lock);
    while (!has_task(queue) && !drained(queue))
        pthread_cond_wait(&queue->tasks, &queue->lock);
    if (queue->inferred.head) {
        *job = list_remove(&queue->inferred, &queue->inferred.head);
        queue->finishing++;
        task = PX_TASK_FINISH;
    } else if (may_decode(queue)) {
        *job = begin(queue, &queue->read);
        queue->picture_bytes += (*job)->kept_bytes + (*job)->decode_bytes;
        task = PX_TASK_DECODE;
    } else if (may_read(queue)) {
        *job = begin(queue, &queue->submitted);
        task = PX_TASK_READ;
    }
    if (has_task(queue))
        pthread_cond_signal(&queue->tasks); /* what woke this thread was enough for another */
    wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
    return task;
}

/* The job failed: its place is free. */
static void drop(struct px_queue *queue)
{
    queue->waiting--;
    pthread_cond_signal(&queue->batches); /* who waited for it need not any more */
}

void px_queue_read_done(struct px_queue *queue, struct px_job *job, int rc)
{
    pthread_mutex_lock(&queue->lock);
    queue->preparing--;
    if (rc == 0) {
        job->waiting_since = px_now_ns();
        list_append(&queue->read, job);
    } else {
        drop(queue);
    }
    pthread_cond_signal(&queue->tasks);
    wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_decode_done(struct px_queue *queue, struct px_job *job, int rc)
{
    pthread_mutex_lock(&queue->lock);
    queue->preparing--;
    queue->picture_bytes -= job->decode_bytes;
    if (rc == 0) {
        job->waiting_since = px_now_ns();
        list_append(&queue->ready, job);
        pthread_cond_signal(&queue->batches);
    } else {
        queue->picture_bytes -= job->kept_bytes;
        drop(queue);
    }
    pthread_cond_signal(&queue->tasks);
    wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

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

/* Blocks until there is a batch to take, or no more will come. */
static void wait_for_batch(struct px_queue *queue, size_t max)
{
    for (;;) {
        if (queue->ready.head) {
            int64_t until = worth_waiting(queue, max);
            if (until == 0)
                return;
            const struct timespec end = {.tv_sec = until / 1000000000,
                                         .tv_nsec = until % 1000000000};
            pthread_cond_timedwait(&queue->batches, &queue->lock, &end);
        } else if (queue->closed && queue->waiting == 0) {
            return;
        } else {
            pthread_cond_wait(&queue->batches, &queue->lock);
        }
    }
}

static size_t collect(struct px_queue *queue, struct px_job **jobs, size_t size)
{
    struct px_job **link = &queue->ready.head;
    size_t n = 0;

    while (*link && n < size) {
        if (n == 0 || px_job_matches(jobs[0], *link)) {
            struct px_job *job = list_remove(&queue->ready, link);
            job->queue_ms += px_ms_since(job->waiting_since);
            jobs[n++] = job;
        } else {
            link = &(*link)->next;
        }
    }
    return n;
}

size_t px_queue_take_batch(struct px_queue *queue, struct px_job **jobs, size_t max)
{
    size_t n = 0;

    pthread_mutex_lock(&queue->lock);
    queue->idle++;
    wait_for_batch(queue, max);
    queue->idle--;
    if (queue->ready.head) {
        n = collect(queue, jobs, batch_size(matching(queue), queue->idle, max));
        queue->waiting -= n;
        queue->inferring += n;
        pthread_cond_broadcast(&queue->tasks); /* there is room to prepare */
        if (queue->ready.head)
            pthread_cond_signal(&queue->batches); /* a colleague may be waiting for more */
    }
    wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
    return n;
}

void px_queue_infer_done(struct px_queue *queue, struct px_job *job)
{
    pthread_mutex_lock(&queue->lock);
    queue->inferring--;
    list_append(&queue->inferred, job);
    pthread_cond_signal(&queue->tasks);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_finish_done(struct px_queue *queue, const struct px_job *job)
{
    pthread_mutex_lock(&queue->lock);
    queue->finishing--;
    queue->picture_bytes -= job->kept_bytes;
    pthread_cond_signal(&queue->tasks);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_close(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

struct px_job *px_queue_cancel(struct px_queue *queue)
{
    struct px_job *jobs;

    pthread_mutex_lock(&queue->lock);
    for (const struct px_job *job = queue->ready.head; job; job = job->next)
        queue->picture_bytes -= job->kept_bytes;
    queue->waiting -= queue->submitted.count + queue->read.count + queue->ready.count;
    *queue->read.tail = queue->ready.head;
    *queue->submitted.tail = queue->read.head;
    jobs = queue->submitted.head;
    list_init(&queue->submitted);
    list_init(&queue->read);
    list_init(&queue->ready);
    wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
    return jobs;
}

struct px_queue_state px_queue_state(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const struct px_job *oldest = queue->ready.head  ? queue->ready.head
                                  : queue->read.head ? queue->read.head
                                                     : queue->submitted.head;
    struct px_queue_state state = {
        .waiting = queue->waiting,
        .preparing = queue->preparing,
        .ready = queue->ready.count,
        .inferring = queue->inferring,
        .finishing = queue->inferred.count + queue->finishing,
        .picture_bytes = queue->picture_bytes,
        .idle = queue->idle,
        .oldest_seconds = !oldest ? 0 : px_ms_since(oldest->waiting_since) * 1e-3,
    };
    pthread_mutex_unlock(&queue->lock);
    return state;
}
