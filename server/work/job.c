#include "server/work/job.h"

#include <assert.h>

#include "base/log.h"

#define TO(stage) (1u << PX_JOB_##stage)

static const unsigned ways[PX_JOB_STAGE_COUNT] = {
    [PX_JOB_ARRIVING] = TO(SUBMITTED),
    [PX_JOB_SUBMITTED] = TO(READING) | TO(DROPPED),
    [PX_JOB_READING] = TO(READ) | TO(DONE), /* DONE: it failed */
    [PX_JOB_READ] = TO(DECODING) | TO(DROPPED),
    [PX_JOB_DECODING] = TO(READY) | TO(DONE),
    [PX_JOB_READY] = TO(INFERRING) | TO(DROPPED),
    [PX_JOB_INFERRING] = TO(INFERRED) | TO(READY), /* READY: a team has to do it */
    [PX_JOB_INFERRED] = TO(ENCODING) | TO(DROPPED),
    [PX_JOB_ENCODING] = TO(DONE),
    [PX_JOB_DROPPED] = TO(DONE),
};

void px_job_move(struct px_job *job, enum px_job_stage to)
{
    assert(job->stage < PX_JOB_STAGE_COUNT && to < PX_JOB_STAGE_COUNT);
    assert(ways[job->stage] & 1u << to);
    job->stage = to;
}

bool px_job_waits_for_model(const struct px_job *job)
{
    return job->model && px_model_progress_phase(job->model->progress) == PX_MODEL_LOADING;
}

bool px_job_matches(const struct px_job *a, const struct px_job *b)
{
    return a->model == b->model && a->params.norm == b->params.norm &&
           a->fit.width == b->fit.width && a->fit.height == b->fit.height &&
           a->team_only == b->team_only;
}

void px_job_clear(struct px_job *job)
{
    px_body_clear(&job->body);
    px_fields_clear(&job->fields);
    px_image_clear(&job->input);
    px_image_clear(&job->output);
    px_reply_clear(&job->reply);
    px_registry_unref(job->registry);
    job->registry = NULL;
    job->model = NULL;
}

void px_job_fail(struct px_job *job, const struct px_error *err)
{
    if (px_error_status(err->code) == 500)
        px_log_error("a translation failed: %s", err->message);
    px_reply_problem(&job->reply, err);
}
