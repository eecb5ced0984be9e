#include "server/work/stages.h"

#include <stdlib.h>

#include "base/clock.h"
#include "codecs/base64.h"
#include "server/message/accept.h"
#include "server/message/json_text.h"
#include "server/work/memory.h"
#include "server/work/server.h"
#include "translate/translate.h"

/* Fields -> model, and the size that the network will run at. */
static int choose_model(struct px_job *job, const struct px_image_info *info, struct px_error *err)
{
    int rc = px_registry_find(job->server->registry, job->params.model, &job->model, err);

    if (rc < 0)
        return rc;
    if (!job->params.has_norm)
        job->params.norm = px_checkpoint_test_norm(px_model_checkpoint(job->model->model));
    rc = px_model_check_norm(job->model->model, job->params.norm, err);
    if (rc < 0)
        return rc;
    job->fit = px_translate_fit(px_model_network(job->model->model), job->params.fit, info->width,
                                info->height);
    return px_memory_check_picture(job->server, job->model, &job->fit, err);
}

/* What decoding takes for a pixel at most: a progressive JPEG's coefficients and four channels. */
enum { DECODE_BYTES = 10 };

static void estimate_memory(struct px_job *job, const struct px_image_info *info)
{
    const struct px_network *network = px_model_network(job->model->model);
    size_t inner = (size_t)job->fit.width * job->fit.height;
    size_t last = (size_t)job->fit.final_width * job->fit.final_height;

    job->decode_bytes = (size_t)info->width * info->height * DECODE_BYTES;
    /* In at the network's size, out at it, the answer, and as much for its coding. */
    job->kept_bytes = inner * (size_t)(network->input_nc + network->output_nc) +
                      2 * last * (size_t)network->output_nc;
}

static struct px_decode_limits limits_of(const struct px_job *job)
{
    const struct px_server_settings *settings = job->server->settings;

    return (struct px_decode_limits){.max_pixels = (uint64_t)settings->max_pixels,
                                     .max_side = (uint32_t)settings->max_side};
}

static int read_body(struct px_job *job, struct px_error *err)
{
    const struct px_decode_limits limits = limits_of(job);
    struct px_image_info info;
    int rc = px_body_read(&job->body, &job->type, &job->fields, err);

    if (rc == 0)
        rc = px_fields_read(&job->fields, &job->params, err);
    if (rc == 0)
        rc = px_image_probe((struct px_span){job->body.image, job->body.image_size}, &limits, &info,
                            err);
    if (rc == 0)
        rc = choose_model(job, &info, err);
    if (rc < 0)
        return rc;
    px_metrics_pixels(job->server->metrics, (double)info.width * info.height);
    estimate_memory(job, &info);
    return 0;
}

int px_job_read(struct px_job *job)
{
    struct px_error err = {0};
    int64_t start = px_now_ns();
    int rc = read_body(job, &err);

    job->read_decode_ms = px_ms_since(start);
    if (rc < 0)
        px_job_fail(job, &err);
    return rc;
}

int px_job_decode(struct px_job *job)
{
    const struct px_decode_limits limits = limits_of(job);
    uint32_t channels = (uint32_t)px_model_network(job->model->model)->input_nc;
    struct px_error err = {0};
    int64_t start = px_now_ns();
    int rc = px_image_decode((struct px_span){job->body.image, job->body.image_size}, &limits,
                             channels, &job->input, &err);

    px_body_clear(&job->body);
    if (rc == 0)
        rc = px_fit_input(&job->fit, &job->input, &err);
    job->read_decode_ms += px_ms_since(start);
    px_metrics_stage(job->server->metrics, PX_STAGE_DECODE, job->read_decode_ms * 1e-3);
    if (rc < 0)
        px_job_fail(job, &err);
    return rc;
}

/* The answer in JSON: {"model", "width", ..., "image": base64, "timings"}. */
static void wrap_in_json(struct px_job *job, enum px_format format, const uint8_t *data,
                         size_t size)
{
    struct px_buffer text = {0};

    px_buffer_appendf(&text, "{\"model\":");
    px_json_append_string(&text, job->model->name);
    px_buffer_appendf(&text, ",\"width\":%u,\"height\":%u,\"format\":\"%s\",\"image\":\"",
                      job->fit.final_width, job->fit.final_height, px_format_name(format));
    size_t encoded = px_base64_size(size);
    char *to = px_buffer_reserve(&text, encoded);
    if (to) {
        px_base64_encode(data, size, to);
        text.size += encoded;
    }
    px_buffer_appendf(&text,
                      "\",\"timings\":{\"queue_ms\":%.3f,\"decode_ms\":%.3f,\"infer_ms\":%.3f,"
                      "\"encode_ms\":%.3f}}\n",
                      job->queue_ms, job->read_decode_ms, job->infer_ms, job->encode_ms);
    px_reply_text(&job->reply, 200, "application/json", &text);
}

int px_job_encode(struct px_job *job)
{
    struct px_error err = {0};
    struct px_accepted accepted = px_accept(job->accept, job->params.format);
    int64_t start = px_now_ns();
    struct px_buffer file = {0};
    int rc = px_fit_answer(&job->fit, &job->output, &err);

    if (rc == 0)
        rc = px_image_encode(&job->output, accepted.format, job->params.quality, &file, &err);
    px_image_destroy(&job->output);
    job->encode_ms = px_ms_since(start);
    px_metrics_stage(job->server->metrics, PX_STAGE_ENCODE, job->encode_ms * 1e-3);
    if (rc < 0) {
        free(file.data);
        px_job_fail(job, &err);
        return rc;
    }
    if (accepted.json) {
        wrap_in_json(job, accepted.format, file.data, file.size);
        free(file.data);
    } else {
        job->reply = (struct px_reply){.status = 200,
                                       .content_type = px_format_mime(accepted.format),
                                       .body = file.data,
                                       .size = file.size};
    }
    return 0;
}
