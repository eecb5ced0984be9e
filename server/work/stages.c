#include "server/work/stages.h"

#include "base/block.h"
#include "base/clock.h"
#include "server/work/cost.h"
#include "server/work/memory.h"
#include "server/work/picture_room.h"
#include "server/work/server.h"
#include "translate/translate.h"

/* Fields -> model, and the size that the network will run at. */
static int choose_model(struct px_job *job, const struct px_image_info *info, struct px_error *err)
{
    job->registry = px_models_take(job->server->models);
    int rc = px_registry_find(job->registry, job->params.model, &job->model, err);

    if (rc < 0)
        return rc;
    px_model_progress_want(job->model->progress);
    if (!job->params.has_norm)
        job->params.norm = px_checkpoint_test_norm(px_model_checkpoint(job->model->model));
    rc = px_model_check_norm(job->model->model, job->params.norm, err);
    if (rc < 0)
        return rc;
    job->fit = px_translate_fit(px_model_network(job->model->model), job->params.fit, info->width,
                                info->height);
    job->team_only = px_memory_is_for_team(job->server, job->model, &job->fit);
    return px_memory_check_picture(job->server, job->model, &job->fit, err);
}

static struct px_decode_limits limits_of(const struct px_job *job)
{
    const struct px_server_settings *settings = job->server->settings;

    return (struct px_decode_limits){.max_pixels = (uint64_t)settings->max_pixels,
                                     .max_side = (uint32_t)settings->max_side};
}

/* A JSON body is copied to be parsed, into a buffer that may double, and its picture once more. */
static int take_apart(struct px_job *job, struct px_error *err)
{
    struct px_budget *bodies = &job->server->bodies;
    size_t more = job->type.kind == PX_BODY_JSON ? 2 * job->body.whole.size : 0;

    if (more > bodies->limit - more / 2)
        return px_fail(err, PX_E_TOO_LARGE,
                       "a JSON body of %zu bytes takes three times its size, which is over "
                       "--request-memory; send the picture in a form or as it is",
                       job->body.whole.size);
    if (!px_budget_take(bodies, more))
        return px_fail(
            err, PX_E_BUSY,
            "the bodies of requests under way are over --request-memory; try again later");
    int rc = job->dialect->read(&job->body, &job->type, &job->fields, err);
    px_budget_release(bodies, more);
    return rc;
}

static bool has_pixels(const struct px_job *job)
{
    return job->body.tensor.type != PX_PIXELS_IN_FILE;
}

static int probe(const struct px_job *job, const struct px_decode_limits *limits,
                 struct px_image_info *info, struct px_error *err)
{
    const struct px_pixel_tensor *tensor = &job->body.tensor;

    if (!has_pixels(job))
        return px_image_probe((struct px_span){job->body.image, job->body.image_size}, limits, info,
                              err);
    *info = (struct px_image_info){
        .width = tensor->width, .height = tensor->height, .channels = tensor->channels, .bits = 8};
    if ((uint64_t)tensor->width * tensor->height > limits->max_pixels ||
        tensor->width > limits->max_side || tensor->height > limits->max_side)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "a tensor of %ux%u is over the limits of %llu pixels and %u a side",
                       tensor->width, tensor->height, (unsigned long long)limits->max_pixels,
                       limits->max_side);
    return 0;
}

/* Numbers take more than a picture: as text up to 12 characters each, in a block that doubles. */
static void add_tensor_cost(struct px_job *job)
{
    size_t answer = (size_t)job->fit.final_width * job->fit.final_height *
                    (size_t)px_model_network(job->model->model)->output_nc;

    if (has_pixels(job))
        job->kept_bytes += answer * 24;
}

static int decode_body(struct px_job *job, uint32_t channels, struct px_error *err)
{
    const struct px_decode_limits limits = limits_of(job);
    const struct px_span bytes = {job->body.image, job->body.image_size};

    return has_pixels(job)
               ? px_pixel_tensor_to_image(&job->body.tensor, bytes, channels, &job->input, err)
               : px_image_decode(bytes, &limits, channels, &job->input, err);
}

static int read_body(struct px_job *job, struct px_error *err)
{
    const struct px_decode_limits limits = limits_of(job);
    struct px_image_info info;
    int rc = take_apart(job, err);

    if (rc == 0)
        rc = px_fields_read(&job->fields, &job->params, err);
    if (rc == 0)
        rc = probe(job, &limits, &info, err);
    if (rc == 0)
        rc = choose_model(job, &info, err);
    if (rc < 0)
        return rc;
    px_metrics_pixels(job->server->metrics, (double)info.width * info.height);
    px_cost_estimate(job, &info, job->dialect->accept(job->accept, job->params.format).json);
    add_tensor_cost(job);
    return px_cost_check(job, &info, px_picture_room_max(job->server->memory.requests), err);
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
    uint32_t channels = (uint32_t)px_model_network(job->model->model)->input_nc;
    struct px_error err = {0};
    int64_t start = px_now_ns();
    int rc = px_entry_check_ready(job->model, &err); /* it may have failed to load */

    if (rc == 0)
        rc = decode_body(job, channels, &err);
    px_body_clear(&job->body);
    if (rc == 0)
        rc = px_fit_input(&job->fit, &job->input, &err);
    job->read_decode_ms += px_ms_since(start);
    px_metrics_stage(job->server->metrics, PX_STAGE_DECODE, job->read_decode_ms * 1e-3);
    if (rc < 0)
        px_job_fail(job, &err);
    return rc;
}

static void wrap_in_json(struct px_job *job, enum px_format format, struct px_span picture)
{
    const struct px_translation translation = {.id = job->id,
                                               .model = job->model->name,
                                               .width = job->fit.final_width,
                                               .height = job->fit.final_height,
                                               .format = format,
                                               .picture = picture,
                                               .pixels = &job->output,
                                               .tensor = &job->body.tensor,
                                               .queue_ms = job->queue_ms,
                                               .decode_ms = job->read_decode_ms,
                                               .infer_ms = job->infer_ms,
                                               .encode_ms = job->encode_ms};
    struct px_buffer text = {0};

    size_t json_size = job->dialect->write(&text, &translation);
    px_reply_text(&job->reply, 200, json_size > 0 ? "application/octet-stream" : "application/json",
                  &text);
    if (job->reply.status == 200)
        job->reply.json_size = json_size;
}

int px_job_encode(struct px_job *job)
{
    struct px_error err = {0};
    struct px_accepted accepted = job->dialect->accept(job->accept, job->params.format);
    struct px_encoding encoding = {accepted.format, job->params.quality, job->params.stored};
    int64_t start = px_now_ns();
    struct px_buffer file = {0};
    int rc = px_fit_answer(&job->fit, &job->output, &err);

    if (rc == 0 && !has_pixels(job))
        rc = px_image_encode(&job->output, &encoding, &file, &err);
    job->encode_ms = px_ms_since(start);
    px_metrics_stage(job->server->metrics, PX_STAGE_ENCODE, job->encode_ms * 1e-3);
    if (rc < 0) {
        px_job_fail(job, &err);
    } else if (accepted.json) {
        wrap_in_json(job, accepted.format, (struct px_span){file.data, file.size});
    } else {
        job->reply = (struct px_reply){.status = 200,
                                       .content_type = px_format_mime(accepted.format),
                                       .body = file.data,
                                       .size = file.size};
        file.data = NULL; /* the reply owns it now */
    }
    px_block_release(file.data);
    px_image_clear(&job->output);
    return rc;
}
