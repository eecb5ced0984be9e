#include "server/work/crew.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/work/parts/worker.h"
#include "server/work/request_deadline.h"
#include "server/work/stages.h"

enum { STUCK_SECONDS = 30 };

struct px_crew {
    struct px_server *server;
    size_t worker_count, codec_count; /* threads that run */
    struct px_worker *workers;
    pthread_t *codecs;
    sem_t started; /* posted by each worker that is warm, or has failed */
};

static void answer_dropped(struct px_server *server, struct px_job *job)
{
    static const enum px_drop drops[PX_JOB_STAGE_COUNT] = {
        [PX_JOB_SUBMITTED] = PX_DROP_READ,
        [PX_JOB_READ] = PX_DROP_DECODE,
        [PX_JOB_READY] = PX_DROP_INFER,
        [PX_JOB_INFERRED] = PX_DROP_ENCODE,
    };

    px_image_clear(&job->input);
    px_image_clear(&job->output);
    if (job->reply.status == 0)
        px_metrics_dropped(server->metrics, drops[job->dropped_from],
                           px_job_fail_unwanted(job, px_now_ns()));
}

static void *codec_main(void *argument)
{
    struct px_server *server = argument;
    struct px_job *job;
    enum px_task task;

    while ((task = px_queue_take_task(server->queue, &job)) != PX_TASK_NONE) {
        int rc = 0;
        if (task == PX_TASK_READ) {
            rc = px_job_read(job);
            px_queue_read_done(server->queue, job, rc);
        } else if (task == PX_TASK_DECODE) {
            rc = px_job_decode(job);
            px_queue_decode_done(server->queue, job, rc);
        } else {
            if (task == PX_TASK_DROP)
                answer_dropped(server, job);
            else if (job->reply.status == 0)
                px_job_encode(job);
            px_queue_end(server->queue, job);
        }
        if (rc == 0 && task != PX_TASK_ENCODE && task != PX_TASK_DROP)
            continue;
        if (job->model)
            px_entry_count_job(job->model, job->reply.status == 200, job->infer_ms);
        job->done(job);
    }
    return NULL;
}

static bool is_stop(int number)
{
    return number > 0 && number != SIGHUP;
}

static int start_workers(struct px_crew *crew, int count, bool single, struct px_error *err)
{
    for (int i = 0; i < count; i++) {
        struct px_worker *worker = &crew->workers[crew->worker_count];
        *worker = (struct px_worker){.server = crew->server,
                                     .started = &crew->started,
                                     .index = (int)crew->worker_count,
                                     .single = single};
        int failed = pthread_create(&worker->thread, NULL, px_worker_run, worker);
        if (failed != 0)
            return px_fail(err, PX_E_NOMEM, "cannot start a thread: %s", strerror(failed));
        crew->worker_count++;
    }
    return 0;
}

static int start_codecs(struct px_crew *crew, struct px_error *err)
{
    for (int i = 0; i < crew->server->share.codecs; i++) {
        int failed =
            pthread_create(&crew->codecs[crew->codec_count], NULL, codec_main, crew->server);
        if (failed != 0)
            return px_fail(err, PX_E_NOMEM, "cannot start a thread: %s", strerror(failed));
        crew->codec_count++;
    }
    return 0;
}

/* The last `count` workers. */
static int wait_until_warm(struct px_crew *crew, int count, const sigset_t *stops,
                           struct px_error *err)
{
    const struct timespec step = {.tv_nsec = 5000000};

    for (int i = 0; i < count; i++)
        while (sem_trywait(&crew->started) != 0)
            if (is_stop(sigtimedwait(stops, NULL, &step)))
                return px_fail(err, PX_E_INTERRUPTED, "stopped by a signal before it was ready");
    for (size_t i = crew->worker_count - (size_t)count; i < crew->worker_count; i++) {
        if (crew->workers[i].rc < 0) {
            *err = crew->workers[i].err;
            return crew->workers[i].rc;
        }
    }
    return 0;
}

/* Singles come when the teams have packed the weights, which these do with all CPUs. */
static int start_threads(struct px_crew *crew, const sigset_t *stops, struct px_error *err)
{
    const struct px_cpu_split *share = &crew->server->share;
    int workers = px_cpu_split_workers(share), singles = workers - share->workers;

    crew->workers = calloc((size_t)workers, sizeof *crew->workers);
    crew->codecs = calloc((size_t)share->codecs, sizeof *crew->codecs);
    if (!crew->workers || !crew->codecs)
        return px_fail(err, PX_E_NOMEM, "no memory for the workers");
    int rc = start_workers(crew, share->workers, false, err);
    if (rc == 0)
        rc = wait_until_warm(crew, share->workers, stops, err);
    if (rc == 0)
        rc = start_workers(crew, singles, true, err);
    if (rc == 0)
        rc = wait_until_warm(crew, singles, stops, err);
    return rc == 0 ? start_codecs(crew, err) : rc;
}

int px_crew_start(struct px_crew **out, struct px_server *server, const sigset_t *stops,
                  struct px_error *err)
{
    struct px_crew *crew = calloc(1, sizeof *crew);
    int rc;

    if (!crew)
        return px_fail(err, PX_E_NOMEM, "no memory for the workers");
    crew->server = server;
    sem_init(&crew->started, 0, 0);
    rc = start_threads(crew, stops, err);
    if (rc == -PX_E_INTERRUPTED)
        return rc;
    if (rc < 0) {
        px_crew_stop(crew, INT64_MAX);
        return rc;
    }
    *out = crew;
    return 0;
}

/* Whether no worker is left to take a batch: a group has none if its team is stuck, which its
 * singles wait for, or all of these. */
static bool all_are_stuck(const struct px_crew *crew, int64_t now, int64_t limit)
{
    const struct px_cpu_split *share = &crew->server->share;

    for (int group = 0; group < share->workers; group++) {
        int stuck = 0, singles = 0;
        for (size_t i = 0; i < crew->worker_count; i++)
            if (crew->workers[i].single && px_worker_group(&crew->workers[i]) == group) {
                singles++;
                stuck += px_heartbeat_age_ns(&crew->workers[i].heartbeat, now) > limit;
            }
        if (px_heartbeat_age_ns(&crew->workers[group].heartbeat, now) <= limit &&
            (singles == 0 || stuck < singles))
            return false;
    }
    return true;
}

void px_crew_watch(struct px_crew *crew)
{
    struct px_server *server = crew->server;
    int64_t deadline_ns = server->settings->request_deadline * 1000000000;
    int64_t limit = deadline_ns > 0 ? deadline_ns : (int64_t)STUCK_SECONDS * 1000000000;
    int64_t now = px_now_ns(), oldest = 0;
    int stuck = 0;

    for (size_t i = 0; i < crew->worker_count; i++) {
        int64_t age = px_heartbeat_age_ns(&crew->workers[i].heartbeat, now);
        stuck += age > limit;
        oldest = age > oldest ? age : oldest;
    }
    if (atomic_exchange(&server->stuck_workers, stuck) < stuck)
        px_log_error("%d worker%s stuck: no layer of the network was finished for %.0f s", stuck,
                     stuck > 1 ? "s are" : " is", (double)oldest * 1e-9);
    atomic_store(&server->all_stuck, stuck > 0 && all_are_stuck(crew, now, limit));
    atomic_store(&server->heartbeat_age_ns, oldest);
}

/* Whether the thread has ended by then. A timed join would wait by the clock on the wall. */
static bool join(pthread_t thread, int64_t end_ns)
{
    const struct timespec step = {.tv_nsec = 1000000};

    if (end_ns == INT64_MAX)
        return pthread_join(thread, NULL) == 0;
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        if (px_now_ns() >= end_ns)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

bool px_crew_stop(struct px_crew *crew, int64_t end_ns)
{
    if (!crew)
        return true;
    px_queue_close(crew->server->queue);
    for (size_t i = 0; i < crew->worker_count; i++)
        if (!join(crew->workers[i].thread, end_ns))
            return false;
    for (size_t i = 0; i < crew->codec_count; i++)
        if (!join(crew->codecs[i], end_ns))
            return false;
    sem_destroy(&crew->started);
    free(crew->workers);
    free(crew->codecs);
    free(crew);
    return true;
}
