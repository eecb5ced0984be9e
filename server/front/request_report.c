#include "server/front/request_report.h"

#include <string.h>

#include "base/log.h"

void px_request_log(const struct px_request_report *report)
{
    const struct px_job *job = report->job;
    bool quiet = report->route == PX_ROUTE_HEALTHZ || report->route == PX_ROUTE_READYZ ||
                 report->route == PX_ROUTE_METRICS;
    enum px_log_level level = quiet ? PX_LOG_DEBUG : PX_LOG_INFO;

    if (job->infer_ms > 0)
        px_log(level,
               "%s %s %d, %zu bytes, %.1f ms, id %s (model %s, queue %.1f, decode %.1f, infer "
               "%.1f, encode %.1f)",
               report->method, report->path, report->status, report->size, report->ms, job->id,
               job->model->name, job->queue_ms, job->read_decode_ms, job->infer_ms, job->encode_ms);
    else
        px_log(level, "%s %s %d, %zu bytes, %.1f ms, id %s", report->method, report->path,
               report->status, report->size, report->ms, job->id);
}

void px_request_describe(const struct px_job *job, struct px_answer *answer,
                         struct px_buffer *timing, struct px_buffer *name)
{
    const char *type = job->reply.content_type;

    if (job->infer_ms <= 0)
        return;
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
