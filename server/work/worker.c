#include "server/work/worker.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/models/warm.h"
#include "server/work/cancel.h"
#include "server/work/memory.h"
#include "server/work/request_deadline.h"
#include "server/work/stages.h"
#include "translate/translate.h"

enum { MAX_BATCH = PX_TRANSLATE_MAX_BATCH, STUCK_SECONDS = 30 };

/* How long an idle worker may keep what belongs to models that are not served any more. */
enum { IDLE_SECONDS = 1 };

struct worker {
    struct px_crew *crew;
    int index;
    pthread_t thread;
    struct px_engine *engine;
    struct px_heartbeat heartbeat;
    const struct px_registry *registry; /* that it has plans for; a reference */
    size_t plans;                       /* bytes, as added to the server's */
    int rc;                             /* of starting */
    struct px_error err;
};

struct px_crew {
    struct px_server *server;
    size_t worker_count, codec_count; /* threads that run */
    struct worker *workers;
    pthread_t *codecs;
    sem_t started; /* posted by each worker that is warm, or has failed */
};

static struct px_engine_options engine_options(const struct px_server *server, int index)
{
    const struct px_cpu_split *share = &server->share;

    return (struct px_engine_options){.threads = share->threads,
                                      .first_cpu = share->pin ? index * share->threads : -1,
                                      .memory_limit = server->memory.plans};
}

static int warm_all(struct worker *worker, struct px_error *err)
{
    struct px_server *server = worker->crew->server;
    int64_t start = px_now_ns();
    int rc = 0;

    worker->registry = px_models_take(server->models);
    for (size_t i = 0; i < px_registry_count(worker->registry) && rc == 0; i++)
        rc = px_model_warm(worker->engine, px_registry_at(worker->registry, i),
                           (int)server->settings->max_batch, err);
    px_log_debug("worker %d is warm after %.1f ms", worker->index, px_ms_since(start));
    return rc;
}

/* Models that are not served any more leave the engine's plans, which would keep them alive.
 * `model`: that has just run, or NULL. */
static void follow_models(struct worker *worker, struct px_model *model)
{
    const struct px_registry *now = px_models_take(worker->crew->server->models);

    for (size_t i = 0; now != worker->registry && i < px_registry_count(worker->registry); i++) {
        const struct px_registry_entry *entry = px_registry_at(worker->registry, i);
        if (!px_registry_has(now, entry->model))
            px_engine_forget(worker->engine, entry->model);
    }
    if (model && !px_registry_has(now, model)) /* of a request from before */
        px_engine_forget(worker->engine, model);
    px_registry_unref(worker->registry);
    worker->registry = now;
}

static void count_plans(struct worker *worker)
{
    size_t now = px_engine_memory(worker->engine);

    atomic_fetch_add(&worker->crew->server->plans, now - worker->plans);
    worker->plans = now;
}

/* Runs some jobs of a batch; their outputs are allocated. */
static int run(struct worker *worker, struct px_job **jobs, size_t n, struct px_error *err)
{
    struct px_batch_watch watch = {jobs, n, &worker->heartbeat};
    const struct px_translator translator = {.engine = worker->engine,
                                             .model = jobs[0]->model->model,
                                             .norm = jobs[0]->params.norm,
                                             .stop = px_batch_is_unwanted,
                                             .stop_context = &watch};
    struct px_translated pictures[MAX_BATCH];
    int64_t start = px_now_ns();

    for (size_t i = 0; i < n; i++)
        pictures[i] = (struct px_translated){&jobs[i]->input, &jobs[i]->output,
                                             jobs[i]->params.dropout, jobs[i]->params.seed};
    int rc = px_translate_run(&translator, pictures, (int)n, err);
    double ms = px_ms_since(start);

    for (size_t i = 0; i < n; i++)
        jobs[i]->infer_ms = ms;
    if (rc == 0)
        px_metrics_batch(worker->crew->server->metrics, (double)n);
    return rc;
}

static void fail_job(struct worker *worker, struct px_job *job, struct px_error *err)
{
    if (err->code == PX_E_INTERRUPTED) {
        px_metrics_dropped(worker->crew->server->metrics, PX_DROP_INFERRING,
                           px_job_fail_unwanted(job, px_now_ns()));
        return;
    }
    if (err->code == PX_E_UNPROCESSABLE)
        px_memory_explain(err);
    if (err->code == PX_E_NOMEM)
        px_error_prefix(err, "out of memory for the moment; try again later");
    px_job_fail(job, err);
}

/* A batch that does not fit the memory limit, or the memory, is run one by one; a picture that does
 * not fit the limit alone never will, so that this is the request's fault. */
static void run_batch(struct worker *worker, struct px_job **jobs, size_t n)
{
    struct px_error err = {0};
    int rc = run(worker, jobs, n, &err);

    if (rc == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (n > 1 && rc != -PX_E_INTERRUPTED)
            rc = run(worker, &jobs[i], 1, &err);
        if (rc < 0)
            fail_job(worker, jobs[i], &err);
    }
}

static void infer(struct worker *worker, struct px_job **jobs, size_t n)
{
    struct px_server *server = worker->crew->server;
    struct px_job *able[MAX_BATCH];
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        struct px_error err = {0};
        struct px_job *job = jobs[i];
        if (px_translate_create_answer(job->model->model, &job->input, &job->output, &err) < 0)
            px_job_fail(job, &err);
        else
            able[m++] = job;
    }
    px_heartbeat_beat(&worker->heartbeat, px_now_ns());
    if (m > 0)
        run_batch(worker, able, m);
    px_heartbeat_rest(&worker->heartbeat);
    follow_models(worker, jobs[0]->model->model);
    count_plans(worker);
    for (size_t i = 0; i < n; i++) {
        px_metrics_stage(server->metrics, PX_STAGE_QUEUE, jobs[i]->queue_ms * 1e-3);
        px_metrics_stage(server->metrics, PX_STAGE_INFER, jobs[i]->infer_ms * 1e-3);
        px_image_clear(&jobs[i]->input);
        px_queue_infer_done(server->queue, jobs[i]);
    }
}

/* Computes a batch, or gives up what an idle worker need not keep; false at the end. */
static bool work(struct worker *worker, struct px_job **jobs)
{
    const struct px_server *server = worker->crew->server;
    int64_t end = px_now_ns() + (int64_t)IDLE_SECONDS * 1000000000;
    size_t n = px_queue_take_batch(server->queue, jobs, (size_t)server->settings->max_batch, end);

    if (n > 0) {
        infer(worker, jobs, n);
        return true;
    }
    if (px_now_ns() < end)
        return false;
    follow_models(worker, NULL);
    count_plans(worker);
    return true;
}

/* The engine belongs to the thread that made it, so all of its life is here. */
static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct px_server *server = worker->crew->server;
    const struct px_engine_options options = engine_options(server, worker->index);
    struct px_job *jobs[MAX_BATCH];

    worker->rc = px_engine_create(&worker->engine, &options, &worker->err);
    if (worker->rc == 0)
        worker->rc = warm_all(worker, &worker->err);
    bool ready = worker->rc == 0;
    if (ready)
        count_plans(worker);
    sem_post(&worker->crew->started);
    while (ready && work(worker, jobs))
        ;
    px_engine_destroy(worker->engine);
    px_registry_unref(worker->registry);
    return NULL;
}

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
            px_registry_count_job(job->model, job->reply.status == 200, job->infer_ms);
        job->done(job);
    }
    return NULL;
}

static int start_threads(struct px_crew *crew, struct px_error *err)
{
    size_t workers = (size_t)crew->server->share.workers;
    size_t codecs = (size_t)crew->server->share.codecs;
    int failed = 0;

    crew->workers = calloc(workers, sizeof *crew->workers);
    crew->codecs = calloc(codecs, sizeof *crew->codecs);
    if (!crew->workers || !crew->codecs)
        return px_fail(err, PX_E_NOMEM, "no memory for the workers");
    while (failed == 0 && crew->worker_count < workers) {
        struct worker *worker = &crew->workers[crew->worker_count];
        *worker = (struct worker){.crew = crew, .index = (int)crew->worker_count};
        failed = pthread_create(&worker->thread, NULL, worker_main, worker);
        crew->worker_count += failed == 0;
    }
    while (failed == 0 && crew->codec_count < codecs) {
        failed = pthread_create(&crew->codecs[crew->codec_count], NULL, codec_main, crew->server);
        crew->codec_count += failed == 0;
    }
    if (failed != 0)
        return px_fail(err, PX_E_NOMEM, "cannot start a thread: %s", strerror(failed));
    return 0;
}

static bool is_stop(int number)
{
    return number > 0 && number != SIGHUP;
}

static int wait_until_warm(struct px_crew *crew, const sigset_t *stops, struct px_error *err)
{
    const struct timespec step = {.tv_nsec = 5000000};

    for (size_t i = 0; i < crew->worker_count; i++)
        while (sem_trywait(&crew->started) != 0)
            if (is_stop(sigtimedwait(stops, NULL, &step)))
                return px_fail(err, PX_E_INTERRUPTED, "stopped by a signal before it was ready");
    for (size_t i = 0; i < crew->worker_count; i++) {
        if (crew->workers[i].rc < 0) {
            *err = crew->workers[i].err;
            return crew->workers[i].rc;
        }
    }
    return 0;
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
    rc = start_threads(crew, err);
    if (rc == 0)
        rc = wait_until_warm(crew, stops, err);
    if (rc == -PX_E_INTERRUPTED)
        return rc;
    if (rc < 0) {
        px_crew_stop(crew, INT64_MAX);
        return rc;
    }
    *out = crew;
    return 0;
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
