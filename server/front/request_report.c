#include "server/front/request_report.h"

#include <string.h>

void px_request_describe(const struct px_job *job, struct px_answer *answer,
                         struct px_buffer *timing, struct px_buffer *name)
{
    const char *type = job->reply.content_type;

    if (job->infer_ms <= 0)
        return;
    answer->model_hash = px_model_progress_hash(job->model->progress);
    px_buffer_appendf(timing, "queue;dur=%.3f, decode;dur=%.3f, infer;dur=%.3f, encode;dur=%.3f",
                      job->queue_ms, job->read_decode_ms, job->infer_ms, job->encode_ms);
    if (!timing->failed)
        answer->timing = px_buffer_text(timing);
    if (!type || strncmp(type, "image/", 6) != 0)
        return;
    px_buffer_appendf(name, "%s.%s", job->model->name,
                      strcmp(type + 6, "png") == 0 ? "png" : "jpg");
    if (!name->failed)
        answer->file_name = px_buffer_text(name);
}
