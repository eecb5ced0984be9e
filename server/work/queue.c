#include "server/work/parts/queue_parts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/work/request_deadline.h"

int px_queue_create(struct px_queue **out, const struct px_queue_options *options,
                    struct px_error *err)
{
    struct px_queue *queue = calloc(1, sizeof *queue);

    if (queue && options->groups > 0)
        queue->groups = calloc(options->groups, sizeof *queue->groups);
    if (!queue || (options->groups > 0 && !queue->groups)) {
        free(queue);
        return px_fail(err, PX_E_NOMEM, "no memory for the queue");
    }
    queue->options = *options;
    queue->admission = (struct px_admission){
        .limit = options->limit, .always = options->ahead, .max_wait_ns = options->max_wait_ns};
    px_picture_room_init(&queue->room, options->picture_bytes);
    px_fair_init(&queue->submitted);
    px_job_list_init(&queue->ready);
    px_job_list_init(&queue->dropped);
    px_job_list_init(&queue->parked);
    for (int heavy = 0; heavy < 2; heavy++) {
        px_fair_init(&queue->read[heavy]);
        px_job_list_init(&queue->inferred[heavy]);
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->tasks, NULL);
    *out = queue;
    return 0;
}

void px_queue_destroy(struct px_queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->tasks);
    pthread_mutex_destroy(&queue->lock);
    free(queue->groups);
    free(queue);
}

static int check(const struct px_queue *queue, uint64_t client, int64_t allowance_ns,
                 struct px_error *err)
{
    size_t own = queue->own[client % PX_FAIR_FLOWS];
    const struct px_admission_load load = {
        .waiting = queue->waiting, .own = own, .clients = queue->clients + (own == 0)};

    if (queue->closed)
        return px_fail(err, PX_E_BUSY, "the daemon is stopping; send the request again elsewhere");
    return px_admission_check(&queue->admission, &load, allowance_ns, err);
}

int px_queue_check(struct px_queue *queue, uint64_t client, int64_t allowance_ns,
                   struct px_error *err)
{
    pthread_mutex_lock(&queue->lock);
    int rc = check(queue, client, allowance_ns, err);
    pthread_mutex_unlock(&queue->lock);
    return rc;
}

int px_queue_reserve(struct px_queue *queue, uint64_t client, int64_t allowance_ns,
                     struct px_error *err)
{
    size_t *own = &queue->own[client % PX_FAIR_FLOWS];

    pthread_mutex_lock(&queue->lock);
    int rc = check(queue, client, allowance_ns, err);
    if (rc == 0) {
        queue->waiting++;
        queue->clients += (*own)++ == 0;
    }
    pthread_mutex_unlock(&queue->lock);
    return rc;
}

void px_queue_give_place(struct px_queue *queue, const struct px_job *job)
{
    size_t *own = &queue->own[px_fair_flow_of(job)];

    assert(queue->waiting > 0 && *own > 0 && queue->clients > 0);
    queue->waiting--;
    queue->clients -= --*own == 0;
    px_queue_wake_worker(queue); /* one that waits for it need not any more */
}

int px_queue_retry_seconds(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    int seconds = px_admission_retry_seconds(&queue->admission, queue->waiting);
    pthread_mutex_unlock(&queue->lock);
    return seconds;
}

void px_queue_submit(struct px_queue *queue, struct px_job *job)
{
    job->waiting_since = px_now_ns();
    job->cost = 1 + job->body.whole.size / 4096; /* until its pixels are known */
    px_request_deadline_set(job, job->waiting_since);
    pthread_mutex_lock(&queue->lock);
    px_tally_move(&queue->tally, job, PX_JOB_SUBMITTED);
    px_fair_append(&queue->submitted, job);
    pthread_cond_signal(&queue->tasks);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_release(struct px_queue *queue, struct px_job *job)
{
    if (job->charged == 0 && !job->holds_answer)
        return;
    pthread_mutex_lock(&queue->lock);
    px_picture_room_release(&queue->room, job);
    pthread_cond_broadcast(&queue->tasks);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_wake_if_closed(struct px_queue *queue)
{
    if (!queue->closed)
        return;
    pthread_cond_broadcast(&queue->tasks);
    for (struct px_seat *seat = queue->idle; seat; seat = seat->next)
        pthread_cond_signal(&seat->wake);
}

void px_queue_drop(struct px_queue *queue, struct px_job *job)
{
    if (job->stage == PX_JOB_READY) {
        assert(queue->heavy_ahead >= job->heavy);
        queue->heavy_ahead -= job->heavy;
    }
    if (job->stage <= PX_JOB_READY)
        px_queue_give_place(queue, job);
    job->dropped_from = job->stage;
    px_tally_move(&queue->tally, job, PX_JOB_DROPPED);
    px_job_list_append(&queue->dropped, job);
    pthread_cond_signal(&queue->tasks);
}

static void drop_from_list(struct px_queue *queue, struct px_job_list *list,
                           bool (*which)(const struct px_job *, int64_t))
{
    int64_t now = px_now_ns();

    for (struct px_job **link = &list->head; *link;)
        if (which(*link, now))
            px_queue_drop(queue, px_job_list_remove(list, link));
        else
            link = &(*link)->next;
}

static void drop_from_fair(struct px_queue *queue, struct px_fair *fair,
                           bool (*which)(const struct px_job *, int64_t))
{
    struct px_job_list found;

    px_job_list_init(&found);
    px_fair_remove_if(fair, which, px_now_ns(), &found);
    while (found.head)
        px_queue_drop(queue, px_job_list_remove(&found, &found.head));
}

static void drop_waiting(struct px_queue *queue, bool (*which)(const struct px_job *, int64_t))
{
    drop_from_fair(queue, &queue->submitted, which);
    drop_from_fair(queue, &queue->read[false], which);
    drop_from_fair(queue, &queue->read[true], which);
    drop_from_list(queue, &queue->ready, which);
    drop_from_list(queue, &queue->parked, which);
}

/* Jobs whose models are loaded now, or will never be. */
static void resume_parked(struct px_queue *queue)
{
    for (struct px_job **link = &queue->parked.head; *link;)
        if (px_job_waits_for_model(*link)) {
            link = &(*link)->next;
        } else {
            struct px_job *job = px_job_list_remove(&queue->parked, link);
            px_fair_append(&queue->read[job->heavy], job);
            pthread_cond_signal(&queue->tasks);
        }
}

void px_queue_sweep(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    drop_waiting(queue, px_job_is_unwanted);
    resume_parked(queue);
    drop_from_list(queue, &queue->inferred[false], px_job_is_unwanted);
    drop_from_list(queue, &queue->inferred[true], px_job_is_unwanted);
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

static bool every_job(const struct px_job *job, int64_t now_ns)
{
    (void)job;
    (void)now_ns;
    return true;
}

void px_queue_drop_all(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    drop_waiting(queue, every_job);
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

void px_queue_close(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    px_queue_wake_if_closed(queue);
    pthread_mutex_unlock(&queue->lock);
}

bool px_queue_is_closed(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}

static double oldest_seconds(const struct px_queue *queue)
{
    int64_t oldest = queue->ready.head ? queue->ready.head->waiting_since : INT64_MAX;
    const struct px_fair *const lanes[] = {&queue->submitted, &queue->read[false],
                                           &queue->read[true]};

    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++)
        if (px_fair_oldest(lanes[i]) < oldest)
            oldest = px_fair_oldest(lanes[i]);
    return oldest == INT64_MAX ? 0 : px_ms_since(oldest) * 1e-3;
}

struct px_queue_state px_queue_state(struct px_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const size_t *count = queue->tally.count;
    assert(queue->waiting >= px_tally_sum(&queue->tally, PX_JOB_SUBMITTED, PX_JOB_READY));
    struct px_queue_state state = {
        .waiting = queue->waiting,
        .preparing = count[PX_JOB_READING] + count[PX_JOB_DECODING],
        .ready = count[PX_JOB_READY],
        .inferring = count[PX_JOB_INFERRING],
        .finishing = count[PX_JOB_INFERRED] + count[PX_JOB_ENCODING],
        .picture_bytes = queue->room.used[false] + queue->room.used[true],
        .answer_bytes = queue->room.answers,
        .idle = queue->idle_count,
        .oldest_seconds = oldest_seconds(queue),
        .seconds_per_job = (double)queue->admission.interval_ns * 1e-9,
    };
    pthread_mutex_unlock(&queue->lock);
    return state;
}
