#include "server/message/dialect.h"

#include "codecs/base64.h"
#include "server/message/json_text.h"

void px_dialect_append_base64(struct px_buffer *text, struct px_span bytes)
{
    size_t size = px_base64_size(bytes.size);
    char *to = px_buffer_reserve(text, size);

    if (!to)
        return;
    px_base64_encode(bytes.data, bytes.size, to);
    text->size += size;
}

/* {"id", "model", "width", ..., "image": base64, "timings"} */
static size_t write_own(struct px_buffer *text, const struct px_translation *translation)
{
    px_buffer_append_text(text, "{\"id\":");
    px_json_append_string(text, translation->id);
    px_buffer_append_text(text, ",\"model\":");
    px_json_append_string(text, translation->model);
    px_buffer_appendf(text,
                      ",\"width\":%u,\"height\":%u,\"format\":\"%s\",\"mime\":\"%s\",\"image\":\"",
                      translation->width, translation->height, px_format_name(translation->format),
                      px_format_mime(translation->format));
    px_dialect_append_base64(text, translation->picture);
    px_buffer_appendf(text,
                      "\",\"timings\":{\"queue_ms\":%.3f,\"decode_ms\":%.3f,\"infer_ms\":%.3f,"
                      "\"encode_ms\":%.3f}}\n",
                      translation->queue_ms, translation->decode_ms, translation->infer_ms,
                      translation->encode_ms);
    return 0;
}

/* RFC 9457 */
static void write_problem(struct px_buffer *text, const struct px_error *problem, const char *id)
{
    px_buffer_append_text(text, "{\"type\":\"about:blank\",\"title\":");
    px_json_append_string(text, px_error_title(problem->code));
    px_buffer_append_text(text, ",\"id\":");
    px_json_append_string(text, id);
    px_buffer_appendf(text, ",\"status\":%d,\"detail\":", px_error_status(problem->code));
    px_json_append_string(text, problem->message);
    px_buffer_append_text(text, "}\n");
}

const struct px_dialect px_dialect_own = {
    .read = px_body_read,
    .accept = px_accept,
    .write = write_own,
    .write_problem = write_problem,
    .problem_type = "application/problem+json",
    .query_fields = true,
};
