#include "server/work/parts/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/models/warm.h"
#include "server/work/cancel.h"
#include "server/work/memory.h"
#include "server/work/request_deadline.h"
#include "translate/translate.h"

enum { MAX_BATCH = PX_TRANSLATE_MAX_BATCH };

/* How long an idle worker may keep what belongs to models that are not served any more. */
enum { IDLE_SECONDS = 1 };

/* The singles come behind the teams, in the order of the CPUs. */
static struct px_engine_options engine_options(const struct px_worker *worker)
{
    const struct px_server *server = worker->server;
    const struct px_cpu_split *share = &server->share;
    int threads = worker->single ? 1 : share->threads;
    int cpu = worker->single ? worker->index - share->workers : worker->index * threads;

    return (struct px_engine_options){.threads = threads,
                                      .first_cpu = share->pin ? cpu : -1,
                                      .memory_limit = worker->single ? server->memory.single
                                                                     : server->memory.team};
}

int px_worker_group(const struct px_worker *worker)
{
    const struct px_cpu_split *share = &worker->server->share;

    return worker->single ? (worker->index - share->workers) / share->threads : worker->index;
}

/* A team of an elastic group gets few jobs at a time, and what is too large for a single is run by
 * the team. */
static int warm_up(struct px_worker *worker, const struct px_registry_entry *entry,
                   struct px_error *err)
{
    const struct px_server *server = worker->server;
    int batch = (int)server->settings->max_batch, few = server->share.threads / 2;

    if (worker->single) {
        int rc = px_model_prepare(worker->engine, entry, batch, err);
        return rc == -PX_E_UNPROCESSABLE ? 0 : rc;
    }
    return px_model_warm(worker->engine, entry, server->share.elastic && few < batch ? few : batch,
                         err);
}

/* The default model; others are not loaded yet, and planned when they are first asked for. */
static int warm_default(struct px_worker *worker, struct px_error *err)
{
    struct px_server *server = worker->server;
    int64_t start = px_now_ns();

    worker->registry = px_models_take(server->models);
    int rc = warm_up(worker, px_registry_default(worker->registry), err);

    px_log_debug("worker %d is warm after %.1f ms", worker->index, px_ms_since(start));
    return rc;
}

/* Models that are not served any more leave the engine's plans, which would keep them alive.
 * `model`: that has just run, or NULL. */
static void follow_models(struct px_worker *worker, struct px_model *model)
{
    const struct px_registry *now = px_models_take(worker->server->models);

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

static void count_plans(struct px_worker *worker)
{
    size_t now = px_engine_memory(worker->engine);

    atomic_fetch_add(&worker->server->plans, now - worker->plans);
    worker->plans = now;
}

/* Runs some jobs of a batch; their outputs are allocated. */
static int run(struct px_worker *worker, struct px_job **jobs, size_t n, struct px_error *err)
{
    struct px_batch_watch watch = {jobs, n, &worker->heartbeat};
    const struct px_translator translator = {.engine = worker->engine,
                                             .model = jobs[0]->model->model,
                                             .norm = jobs[0]->params.norm,
                                             .stop = px_batch_is_unwanted,
                                             .stop_context = &watch};
    struct px_translated pictures[MAX_BATCH];
    const size_t plans = px_engine_memory(worker->engine);
    int64_t start = px_now_ns();

    for (size_t i = 0; i < n; i++)
        pictures[i] = (struct px_translated){&jobs[i]->input, &jobs[i]->output,
                                             jobs[i]->params.dropout, jobs[i]->params.seed};
    int rc = px_translate_run(&translator, pictures, (int)n, err);
    int64_t taken = px_now_ns() - start;

    for (size_t i = 0; i < n; i++)
        jobs[i]->infer_ms = (double)taken * 1e-6;
    if (rc == 0) {
        bool planned = px_engine_memory(worker->engine) == plans;
        worker->seat.picture_ns = n == 1 && planned ? taken : 0;
        px_metrics_batch(worker->server->metrics,
                         worker->server->share.threads > 1 && !worker->single ? PX_WORKER_TEAM
                                                                              : PX_WORKER_SINGLE,
                         (double)n);
    }
    return rc;
}

static void fail_job(struct px_worker *worker, struct px_job *job, struct px_error *err)
{
    if (err->code == PX_E_INTERRUPTED) {
        px_metrics_dropped(worker->server->metrics, PX_DROP_INFERRING,
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
static void run_batch(struct px_worker *worker, struct px_job **jobs, size_t n)
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
static void run_with_memory(struct px_worker *worker, struct px_job **jobs, size_t n)
{
    const struct px_memory_split *memory = &worker->server->memory;
    bool large = jobs[0]->team_only; /* never of a single's jobs, before it has tried */

    if (large)
        px_engine_limit(worker->engine, memory->plans, NULL);
    run_batch(worker, jobs, n);
    if (large)
        px_engine_limit(worker->engine, memory->team, NULL);
}

static void end_job(struct px_worker *worker, struct px_job *job)
{
    struct px_server *server = worker->server;

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

static void infer(struct px_worker *worker, struct px_job **jobs, size_t n)
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
static bool work(struct px_worker *worker, struct px_job **jobs)
{
    const struct px_server *server = worker->server;
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
void *px_worker_run(void *argument)
{
    struct px_worker *worker = argument;
    struct px_server *server = worker->server;
    const struct px_engine_options options = engine_options(worker);
    struct px_job *jobs[MAX_BATCH];

    px_seat_init(&worker->seat, server->queue,
                 server->share.elastic ? px_worker_group(worker) : PX_NO_GROUP,
                 server->share.elastic && !worker->single);
    worker->rc = px_engine_create(&worker->engine, &options, &worker->err);
    if (worker->rc == 0)
        worker->rc = warm_default(worker, &worker->err);
    bool ready = worker->rc == 0;
    if (ready)
        count_plans(worker);
    sem_post(worker->started);
    while (ready && work(worker, jobs))
        ;
    px_seat_clear(&worker->seat);
    px_engine_destroy(worker->engine);
    px_registry_unref(worker->registry);
    return NULL;
}
