#include "server/api/openai.h"

#include <string.h>
#include <time.h>

#include "server/message/json_text.h"
#include "server/message/multipart.h"

/* The form's names for fields of ours. Not `quality`, which is a word there. */
static const struct {
    const char *name;
    enum px_field field;
} names[] = {
    {"model", PX_FIELD_MODEL},
    {"output_format", PX_FIELD_FORMAT},
    {"output_compression", PX_FIELD_QUALITY},
    {"fit", PX_FIELD_FIT},
    {"norm", PX_FIELD_NORM},
    {"dropout", PX_FIELD_DROPOUT},
};

static int add_field(struct px_fields *fields, const struct px_form_part *part,
                     struct px_error *err)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, part->name) == 0) {
            px_fields_rename(fields, names[i].field, names[i].name);
            return px_fields_add(fields, px_fields_option(names[i].field)->name,
                                 (const char *)part->data, part->size, "form field", err);
        }
    return 0;
}

static bool is_image(const struct px_form_part *part)
{
    return part->is_file && !part->not_chosen &&
           (strcmp(part->name, "image") == 0 || strcmp(part->name, "image[]") == 0);
}

static int read_form(struct px_body *body, const struct px_content_type *type,
                     struct px_fields *fields, struct px_error *err)
{
    struct px_form_parts parts;
    int rc;

    if (type->kind != PX_BODY_MULTIPART)
        return px_fail(err, PX_E_UNSUPPORTED,
                       "this path takes a form: send 'Content-Type: multipart/form-data' with a "
                       "file 'image'");
    rc = px_multipart_parse(body->whole.data, body->whole.size, type->boundary, &parts, err);
    for (size_t i = 0; rc == 0 && i < parts.count; i++) {
        const struct px_form_part *part = &parts.at[i];
        if (is_image(part) && !body->image) {
            body->image = part->data;
            body->image_size = part->size;
        } else if (!part->is_file) {
            rc = add_field(fields, part, err);
        }
    }
    if (rc == 0 && !body->image)
        rc = px_fail(err, PX_E_INVALID, "the form has no file 'image'; send a PNG or JPEG");
    return rc;
}

static struct px_accepted accept_json(const char *accept, enum px_format format)
{
    (void)accept;
    return (struct px_accepted){.json = true,
                                .format = format == PX_FORMAT_NONE ? PX_FORMAT_PNG : format};
}

static size_t write_answer(struct px_buffer *text, const struct px_translation *translation)
{
    px_buffer_appendf(text, "{\"created\":%lld,\"output_format\":\"%s\",\"data\":[{\"b64_json\":\"",
                      (long long)time(NULL), px_format_name(translation->format));
    px_dialect_append_base64(text, translation->picture);
    px_buffer_append_text(text, "\"}]}\n");
    return 0;
}

static void write_problem(struct px_buffer *text, const struct px_error *problem, const char *id)
{
    (void)id; /* the header X-Request-Id is where OpenAI's clients look for it */
    px_buffer_append_text(text, "{\"error\":{\"message\":");
    px_json_append_string(text, problem->message);
    px_buffer_appendf(text, ",\"type\":\"%s\",\"param\":null,\"code\":",
                      px_error_status(problem->code) < 500 ? "invalid_request_error"
                                                           : "server_error");
    px_json_append_string(text, px_error_title(problem->code));
    px_buffer_append_text(text, "}}\n");
}

const struct px_dialect px_dialect_openai = {
    .read = read_form,
    .accept = accept_json,
    .write = write_answer,
    .write_problem = write_problem,
    .problem_type = "application/json",
};
