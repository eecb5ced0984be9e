#include "server/work/parts/queue_parts.h"

#include <assert.h>

#include "base/clock.h"
#include "server/work/request_deadline.h"

static size_t at_least_one(size_t n)
{
    return n > 0 ? n : 1;
}

static bool may_decode(const struct px_queue *queue, bool heavy)
{
    const struct px_job *job = px_fair_first(&queue->read[heavy]);
    size_t ahead = queue->options.ahead;

    return job && queue->tally.count[PX_JOB_DECODING] + queue->tally.count[PX_JOB_READY] < ahead &&
           (!heavy || queue->heavy_ahead < at_least_one(ahead / 4)) &&
           px_picture_room_fits(&queue->room, job);
}

static enum px_task heavy_task(const struct px_queue *queue)
{
    return queue->inferred[true].head ? PX_TASK_ENCODE
           : may_decode(queue, true)  ? PX_TASK_DECODE
                                      : PX_TASK_NONE;
}

static enum px_task light_task(const struct px_queue *queue)
{
    return queue->inferred[false].head ? PX_TASK_ENCODE
           : queue->submitted.count    ? PX_TASK_READ
           : may_decode(queue, false)  ? PX_TASK_DECODE
                                       : PX_TASK_NONE;
}

/* What a codec thread should do next, and whether with a heavy job. */
static enum px_task next_task(const struct px_queue *queue, bool *heavy)
{
    size_t codecs = queue->options.codecs;
    bool heavy_first = queue->heavy_tasks == 0 && (codecs > 1 || !queue->heavy_last);
    enum px_task task = PX_TASK_NONE;

    *heavy = false;
    if (queue->dropped.head)
        return PX_TASK_DROP;
    if (heavy_first)
        task = heavy_task(queue);
    *heavy = task != PX_TASK_NONE;
    if (task == PX_TASK_NONE)
        task = light_task(queue);
    if (task == PX_TASK_NONE && queue->heavy_tasks < at_least_one(codecs - 1)) {
        task = heavy_task(queue);
        *heavy = task != PX_TASK_NONE;
    }
    return task;
}

/* Takes the job of that task out of its list; it enters the stage. */
static struct px_job *begin_task(struct px_queue *queue, enum px_task task, bool heavy)
{
    struct px_job *job;

    if (task == PX_TASK_DROP)
        return px_job_list_remove(&queue->dropped, &queue->dropped.head);
    if (task == PX_TASK_ENCODE) {
        job = px_job_list_remove(&queue->inferred[heavy], &queue->inferred[heavy].head);
        px_tally_move(&queue->tally, job, PX_JOB_ENCODING);
    } else {
        job = px_fair_take(task == PX_TASK_READ ? &queue->submitted : &queue->read[heavy]);
        job->queue_ms += px_ms_since(job->waiting_since);
        px_tally_move(&queue->tally, job, task == PX_TASK_READ ? PX_JOB_READING : PX_JOB_DECODING);
    }
    if (task == PX_TASK_DECODE) {
        px_picture_room_take(&queue->room, job);
        queue->heavy_ahead += heavy;
    }
    queue->heavy_tasks += heavy;
    queue->heavy_last = heavy;
    return job;
}

/* Nothing is left that could still become a task. */
static bool drained(const struct px_queue *queue)
{
    return queue->closed && queue->waiting == 0 && queue->tally.count[PX_JOB_INFERRING] == 0 &&
           queue->tally.count[PX_JOB_INFERRED] == 0 && queue->dropped.count == 0;
}

static void drop_unwanted(struct px_queue *queue, struct px_fair *fair)
{
    struct px_job *job;

    while ((job = px_fair_first(fair)) && px_job_is_unwanted(job, px_now_ns())) {
        job->cost = 0; /* of its client's share */
        px_queue_drop(queue, px_fair_take(fair));
    }
}

/* Jobs that turn out to be unwanted when they are next are dropped instead. */
static enum px_task wait_for_task(struct px_queue *queue, bool *heavy)
{
    for (;;) {
        drop_unwanted(queue, &queue->submitted);
        drop_unwanted(queue, &queue->read[false]);
        drop_unwanted(queue, &queue->read[true]);
        enum px_task task = next_task(queue, heavy);
        if (task != PX_TASK_NONE || drained(queue))
            return task;
        pthread_cond_wait(&queue->tasks, &queue->lock);
    }
}

enum px_task px_queue_take_task(struct px_queue *queue, struct px_job **job)
{
    bool heavy, another_is_heavy;

    pthread_mutex_lock(&queue->lock);
    enum px_task task = wait_for_task(queue, &heavy);
    if (task != PX_TASK_NONE)
        *job = begin_task(queue, task, heavy);
    if (next_task(queue, &another_is_heavy) != PX_TASK_NONE)
        pthread_cond_signal(&queue->tasks); /* what woke this thread was enough for another */
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
    return task;
}

static void end_task(struct px_queue *queue, const struct px_job *job)
{
    assert(queue->heavy_tasks >= job->heavy);
    queue->heavy_tasks -= job->heavy;
}

/* The job failed: it leaves the queue. */
static void fail_task(struct px_queue *queue, struct px_job *job)
{
    px_picture_room_release(&queue->room, job);
    px_queue_give_place(queue, job);
    px_tally_move(&queue->tally, job, PX_JOB_DONE);
}

void px_queue_read_done(struct px_queue *queue, struct px_job *job, int rc)
{
    pthread_mutex_lock(&queue->lock);
    if (rc == 0) {
        assert(job->cost > 0);
        px_picture_room_weigh(&queue->room, job);
        job->waiting_since = px_now_ns();
        px_tally_move(&queue->tally, job, PX_JOB_READ);
        if (px_job_waits_for_model(job))
            px_job_list_append(&queue->parked, job);
        else
            px_fair_append(&queue->read[job->heavy], job);
    } else {
        fail_task(queue, job);
    }
    pthread_cond_signal(&queue->tasks);
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_decode_done(struct px_queue *queue, struct px_job *job, int rc)
{
    pthread_mutex_lock(&queue->lock);
    end_task(queue, job);
    px_picture_room_shrink(&queue->room, job, job->kept_bytes);
    if (rc == 0) {
        job->waiting_since = px_now_ns();
        px_tally_move(&queue->tally, job, PX_JOB_READY);
        px_job_list_append(&queue->ready, job);
        px_queue_wake_worker(queue);
    } else {
        assert(queue->heavy_ahead >= job->heavy);
        queue->heavy_ahead -= job->heavy;
        fail_task(queue, job);
    }
    pthread_cond_signal(&queue->tasks);
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_end(struct px_queue *queue, struct px_job *job)
{
    bool dropped = job->stage == PX_JOB_DROPPED;

    pthread_mutex_lock(&queue->lock);
    if (!dropped)
        end_task(queue, job);
    px_tally_move(&queue->tally, job, PX_JOB_DONE);
    px_picture_room_keep_answer(&queue->room, job, job->reply.size);
    px_admission_record(&queue->admission, px_now_ns(), dropped, queue->waiting);
    pthread_cond_signal(&queue->tasks);
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}
