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
    bool single; /* of an elastic group; else it has share.threads */
    pthread_t thread;
    struct px_seat seat;
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

/* The singles come behind the teams, in the order of the CPUs. */
static struct px_engine_options engine_options(const struct worker *worker)
{
    const struct px_server *server = worker->crew->server;
    const struct px_cpu_split *share = &server->share;
    int threads = worker->single ? 1 : share->threads;
    int cpu = worker->single ? worker->index - share->workers : worker->index * threads;

    return (struct px_engine_options){.threads = threads,
                                      .first_cpu = share->pin ? cpu : -1,
                                      .memory_limit = worker->single ? server->memory.single
                                                                     : server->memory.team};
}

static int group_of(const struct worker *worker)
{
    const struct px_cpu_split *share = &worker->crew->server->share;

    return worker->single ? (worker->index - share->workers) / share->threads : worker->index;
}

/* A team of an elastic group gets few jobs at a time, and what is too large for a single is run by
 * the team. */
static int warm_up(struct worker *worker, const struct px_registry_entry *entry,
                   struct px_error *err)
{
    const struct px_server *server = worker->crew->server;
    int batch = (int)server->settings->max_batch, few = server->share.threads / 2;

    if (worker->single) {
        int rc = px_model_prepare(worker->engine, entry, batch, err);
        return rc == -PX_E_UNPROCESSABLE ? 0 : rc;
    }
    return px_model_warm(worker->engine, entry, server->share.elastic && few < batch ? few : batch,
                         err);
}

/* The default model; others are not loaded yet, and planned when they are first asked for. */
static int warm_default(struct worker *worker, struct px_error *err)
{
    struct px_server *server = worker->crew->server;
    int64_t start = px_now_ns();

    worker->registry = px_models_take(server->models);
    int rc = warm_up(worker, px_registry_default(worker->registry), err);

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
    int64_t taken = px_now_ns() - start;

    for (size_t i = 0; i < n; i++)
        jobs[i]->infer_ms = (double)taken * 1e-6;
    if (rc == 0) {
        worker->seat.picture_ns = taken / (int64_t)n;
        px_metrics_batch(worker->crew->server->metrics,
                         worker->crew->server->share.threads > 1 && !worker->single
                             ? PX_WORKER_TEAM
                             : PX_WORKER_SINGLE,
                         (double)n);
    }
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
 * not fit the limit alone never will, so that this is the request's fault, or its team must do it.
 */
static void run_batch(struct worker *worker, struct px_job **jobs, size_t n)
{
    struct px_error err = {0};
    int rc = run(worker, jobs, n, &err);

    if (rc == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (n > 1 && rc != -PX_E_INTERRUPTED)
            rc = run(worker, &jobs[i], 1, &err);
        if (rc == -PX_E_UNPROCESSABLE && worker->single)
            jobs[i]->team_only = true;
        else if (rc < 0)
            fail_job(worker, jobs[i], &err);
    }
}

/* A team that has a large job may use the memory of its singles, which have given it up. */
static void run_with_memory(struct worker *worker, struct px_job **jobs, size_t n)
{
    const struct px_memory_split *memory = &worker->crew->server->memory;
    bool large = jobs[0]->team_only;

    if (large)
        px_engine_limit(worker->engine, memory->plans, NULL);
    run_batch(worker, jobs, n);
    if (large && !worker->single)
        px_engine_limit(worker->engine, memory->team, NULL);
}

static void end_job(struct worker *worker, struct px_job *job)
{
    struct px_server *server = worker->crew->server;

    if (worker->single && job->team_only) {
        px_image_clear(&job->output);
        px_queue_hand_over(server->queue, job);
        return;
    }
    px_metrics_stage(server->metrics, PX_STAGE_QUEUE, job->queue_ms * 1e-3);
    px_metrics_stage(server->metrics, PX_STAGE_INFER, job->infer_ms * 1e-3);
    px_image_clear(&job->input);
    px_queue_infer_done(server->queue, job);
}

static void infer(struct worker *worker, struct px_job **jobs, size_t n)
{
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
        run_with_memory(worker, able, m);
    px_heartbeat_rest(&worker->heartbeat);
    follow_models(worker, jobs[0]->model->model);
    count_plans(worker);
    for (size_t i = 0; i < n; i++)
        end_job(worker, jobs[i]);
}

/* Computes a batch, or gives up what an idle worker need not keep; false at the end. */
static bool work(struct worker *worker, struct px_job **jobs)
{
    const struct px_server *server = worker->crew->server;
    int64_t end = px_now_ns() + (int64_t)IDLE_SECONDS * 1000000000;
    size_t n = px_queue_take_batch(server->queue, &worker->seat, jobs,
                                   (size_t)server->settings->max_batch, end);

    if (n > 0) {
        infer(worker, jobs, n);
        return true;
    }
    if (worker->seat.yields) {
        px_engine_limit(worker->engine, 0, NULL);
        px_engine_limit(worker->engine, server->memory.single, NULL);
        count_plans(worker);
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
    const struct px_engine_options options = engine_options(worker);
    struct px_job *jobs[MAX_BATCH];

    px_seat_init(&worker->seat, server->queue,
                 server->share.elastic ? group_of(worker) : PX_NO_GROUP,
                 server->share.elastic && !worker->single);
    worker->rc = px_engine_create(&worker->engine, &options, &worker->err);
    if (worker->rc == 0)
        worker->rc = warm_default(worker, &worker->err);
    bool ready = worker->rc == 0;
    if (ready)
        count_plans(worker);
    sem_post(&worker->crew->started);
    while (ready && work(worker, jobs))
        ;
    px_seat_clear(&worker->seat);
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
        struct worker *worker = &crew->workers[crew->worker_count];
        *worker = (struct worker){.crew = crew, .index = (int)crew->worker_count, .single = single};
        int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
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
            if (crew->workers[i].single && group_of(&crew->workers[i]) == group) {
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
