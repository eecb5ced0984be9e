#include "server/api/inference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/base64.h"
#include "server/api/tensor_json.h"
#include "server/message/json_text.h"

enum { SIDE_MAX = 65535 };

static int copy_name(json_t *object, const char *key, char out[static PX_TENSOR_NAME_SIZE],
                     struct px_error *err)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (text && strlen(text) >= PX_TENSOR_NAME_SIZE)
        return px_fail(err, PX_E_INVALID, "'%s' is longer than %d bytes", key,
                       PX_TENSOR_NAME_SIZE - 1);
    if (text)
        snprintf(out, PX_TENSOR_NAME_SIZE, "%s", text);
    return 0;
}

/* The parameters of the request that are fields of ours. */
static int add_parameters(json_t *parameters, struct px_fields *fields, struct px_error *err)
{
    for (int field = 0; field < PX_FIELD_COUNT; field++) {
        const char *name = px_fields_option((enum px_field)field)->name;
        json_t *value = json_object_get(parameters, name);
        char number[32];
        int rc = 0;
        if (json_is_string(value)) {
            rc = px_fields_add(fields, name, json_string_value(value), json_string_length(value),
                               "parameter", err);
        } else if (json_is_integer(value)) {
            int n = snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
            rc = px_fields_add(fields, name, number, (size_t)n, "parameter", err);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_type(json_t *input, struct px_pixel_tensor *tensor, struct px_error *err)
{
    const char *name = json_string_value(json_object_get(input, "datatype"));

    for (int type = PX_PIXELS_IN_FILE; name && type <= PX_PIXELS_F32; type++)
        if (strcmp(name, px_pixel_tensor_type_name((enum px_pixel_type)type)) == 0) {
            tensor->type = (enum px_pixel_type)type;
            return 0;
        }
    return px_fail(err, PX_E_INVALID, "the input's datatype is '%.20s'; send BYTES, UINT8 or FP32",
                   name ? name : "");
}

static int bad_shape(struct px_error *err)
{
    return px_fail(err, PX_E_INVALID,
                   "the input's shape is not [1, height, width, channels] or [1, channels, height, "
                   "width] of one picture with 1 to 4 channels and sides up to %d",
                   SIDE_MAX);
}

static bool is_channels(int64_t n)
{
    return n >= 1 && n <= 4;
}

/* If both ends could be channels, floats are planar, as networks have them, and bytes are not. */
static int read_shape(json_t *input, struct px_pixel_tensor *tensor, struct px_error *err)
{
    json_t *shape = json_object_get(input, "shape");
    size_t n = json_array_size(shape);
    int64_t side[3];

    if (n != 3 && (n != 4 || json_integer_value(json_array_get(shape, 0)) != 1))
        return bad_shape(err);
    for (size_t i = 0; i < 3; i++) {
        side[i] = json_integer_value(json_array_get(shape, n - 3 + i));
        if (side[i] < 1 || side[i] > SIDE_MAX)
            return bad_shape(err);
    }
    if (!is_channels(side[0]) && !is_channels(side[2]))
        return bad_shape(err);
    tensor->batched = n == 4;
    tensor->planar =
        is_channels(side[0]) && (tensor->type == PX_PIXELS_F32 || !is_channels(side[2]));
    tensor->channels = (uint32_t)(tensor->planar ? side[0] : side[2]);
    tensor->height = (uint32_t)(tensor->planar ? side[1] : side[0]);
    tensor->width = (uint32_t)(tensor->planar ? side[2] : side[1]);
    return 0;
}

/* In the binary form a BYTES element has its length in front. */
static int unwrap_element(struct px_body *body, struct px_error *err)
{
    uint32_t length;

    if (body->image_size < sizeof length)
        return px_fail(err, PX_E_INVALID, "the BYTES tensor has no element");
    memcpy(&length, body->image, sizeof length);
    if (length != body->image_size - sizeof length)
        return px_fail(err, PX_E_INVALID,
                       "the BYTES tensor is not one element: it says %u bytes of %zu", length,
                       body->image_size - sizeof length);
    body->image += sizeof length;
    body->image_size = length;
    return 0;
}

static int read_binary(struct px_body *body, size_t json_size, json_t *input, struct px_error *err)
{
    json_t *said = json_object_get(json_object_get(input, "parameters"), "binary_data_size");

    body->image = body->whole.data + json_size;
    body->image_size = body->whole.size - json_size;
    if (!json_is_integer(said) || (size_t)json_integer_value(said) != body->image_size)
        return px_fail(err, PX_E_INVALID,
                       "the input's binary_data_size is not the %zu bytes that follow the JSON",
                       body->image_size);
    if (body->tensor.type == PX_PIXELS_IN_FILE)
        return unwrap_element(body, err);
    if (body->image_size != px_pixel_tensor_size(&body->tensor))
        return px_fail(err, PX_E_INVALID, "the tensor has %zu bytes, its shape says %zu",
                       body->image_size, px_pixel_tensor_size(&body->tensor));
    return 0;
}

static int read_base64(struct px_body *body, struct px_tensor_json *json, struct px_error *err)
{
    struct px_owned_bytes decoded = {0};
    struct px_span text;
    int rc = px_tensor_json_string(json, &text, err);

    if (rc == 0)
        rc = px_base64_decode(text, text.size, &decoded.data, &decoded.size, err);
    if (rc < 0)
        return rc;
    px_body_clear(body);
    body->whole = decoded;
    body->image = decoded.data;
    body->image_size = decoded.size;
    return 0;
}

static int read_json_data(struct px_body *body, struct px_tensor_json *json, struct px_error *err)
{
    struct px_pixel_tensor *tensor = &body->tensor;

    if (!json->data)
        return px_fail(err, PX_E_INVALID, "the input has no array \"data\"");
    if (tensor->type == PX_PIXELS_IN_FILE)
        return read_base64(body, json, err);
    size_t count = (size_t)tensor->width * tensor->height * tensor->channels;
    tensor->quantised = tensor->type == PX_PIXELS_F32;
    body->image = json->data;
    body->image_size = count;
    return px_tensor_json_numbers(json, count, tensor->quantised, err);
}

static bool is_true(json_t *object, const char *key)
{
    return json_is_true(json_object_get(json_object_get(object, "parameters"), key));
}

static int read_root(struct px_body *body, size_t json_size, struct px_tensor_json *json,
                     struct px_fields *fields, struct px_error *err)
{
    json_t *inputs = json_object_get(json->root, "inputs");
    json_t *input = json_array_get(inputs, 0);
    json_t *output = json_array_get(json_object_get(json->root, "outputs"), 0);
    struct px_pixel_tensor *tensor = &body->tensor;

    if (json_array_size(inputs) != 1)
        return px_fail(err, PX_E_INVALID, "the request has %zu inputs; send one",
                       json_array_size(inputs));
    int rc = add_parameters(json_object_get(json->root, "parameters"), fields, err);
    if (rc == 0)
        rc = copy_name(json->root, "id", tensor->id, err);
    if (rc == 0)
        rc = copy_name(output, "name", tensor->output, err);
    if (rc == 0)
        rc = read_type(input, tensor, err);
    if (rc == 0 && tensor->type != PX_PIXELS_IN_FILE)
        rc = read_shape(input, tensor, err);
    if (rc < 0)
        return rc;
    tensor->binary_answer =
        is_true(output, "binary_data") ||
        (is_true(json->root, "binary_data_output") &&
         !json_is_false(json_object_get(json_object_get(output, "parameters"), "binary_data")));
    return json_size < body->whole.size ? read_binary(body, json_size, input, err)
                                        : read_json_data(body, json, err);
}

static bool begins_with_object(const uint8_t *text, size_t size)
{
    size_t i = 0;

    while (i < size && text[i] && strchr(" \t\r\n", text[i]))
        i++;
    return i < size && text[i] == '{';
}

static int read_request(struct px_body *body, const struct px_content_type *type,
                        struct px_fields *fields, struct px_error *err)
{
    size_t json_size = type->has_json_size ? type->json_size : body->whole.size;
    struct px_tensor_json json;

    body->tensor = (struct px_pixel_tensor){.output = "output"};
    if (json_size > body->whole.size)
        return px_fail(err, PX_E_INVALID,
                       "Inference-Header-Content-Length is %zu, but the body has %zu bytes",
                       json_size, body->whole.size);
    if (json_size == 0) {
        body->tensor.binary_answer = true;
        body->image = body->whole.data;
        body->image_size = body->whole.size;
        return 0;
    }
    if (!begins_with_object(body->whole.data, json_size))
        return px_fail(
            err, PX_E_INVALID,
            "the body does not begin with a JSON object; to send a picture alone, add the "
            "header 'Inference-Header-Content-Length: 0'");
    int rc = px_tensor_json_read(body->whole.data, json_size, &json, err);
    if (rc < 0)
        return rc;
    rc = read_root(body, json_size, &json, fields, err);
    json_decref(json.root);
    return rc;
}

static struct px_accepted accept_tensor(const char *accept, enum px_format format)
{
    (void)accept;
    return (struct px_accepted){.json = true,
                                .format = format == PX_FORMAT_NONE ? PX_FORMAT_PNG : format};
}

static void append_shape(struct px_buffer *text, const struct px_pixel_tensor *tensor,
                         const struct px_image *image)
{
    const char *one = tensor->batched ? "1," : "";

    if (tensor->type == PX_PIXELS_IN_FILE)
        px_buffer_append_text(text, "[1]");
    else if (tensor->planar)
        px_buffer_appendf(text, "[%s%u,%u,%u]", one, image->channels, image->height, image->width);
    else
        px_buffer_appendf(text, "[%s%u,%u,%u]", one, image->height, image->width, image->channels);
}

static size_t binary_size(const struct px_pixel_tensor *tensor,
                          const struct px_translation *translation)
{
    const struct px_image *image = translation->pixels;

    if (tensor->type == PX_PIXELS_IN_FILE)
        return sizeof(uint32_t) + translation->picture.size;
    return (size_t)image->width * image->height * image->channels *
           (tensor->type == PX_PIXELS_F32 ? sizeof(float) : 1);
}

static void append_binary(struct px_buffer *text, const struct px_translation *translation)
{
    const struct px_pixel_tensor *tensor = translation->tensor;
    uint32_t length = (uint32_t)translation->picture.size;

    if (tensor->type != PX_PIXELS_IN_FILE) {
        px_pixel_tensor_append_bytes(text, tensor, translation->pixels);
        return;
    }
    px_buffer_append(text, &length, sizeof length);
    px_buffer_append(text, translation->picture.data, translation->picture.size);
}

static void append_data(struct px_buffer *text, const struct px_translation *translation)
{
    px_buffer_append_text(text, ",\"data\":[");
    if (translation->tensor->type == PX_PIXELS_IN_FILE) {
        px_buffer_append_text(text, "\"");
        px_dialect_append_base64(text, translation->picture);
        px_buffer_append_text(text, "\"");
    } else {
        px_pixel_tensor_append_text(text, translation->tensor, translation->pixels);
    }
    px_buffer_append_text(text, "]");
}

static size_t write_answer(struct px_buffer *text, const struct px_translation *translation)
{
    const struct px_pixel_tensor *tensor = translation->tensor;

    px_buffer_append_text(text, "{\"model_name\":");
    px_json_append_string(text, translation->model);
    px_buffer_append_text(text, ",\"model_version\":\"1\",\"id\":");
    px_json_append_string(text, tensor->id[0] != '\0' ? tensor->id : translation->id);
    px_buffer_append_text(text, ",\"outputs\":[{\"name\":");
    px_json_append_string(text, tensor->output);
    px_buffer_appendf(text,
                      ",\"datatype\":\"%s\",\"shape\":", px_pixel_tensor_type_name(tensor->type));
    append_shape(text, tensor, translation->pixels);
    if (tensor->binary_answer)
        px_buffer_appendf(text, ",\"parameters\":{\"binary_data_size\":%zu}",
                          binary_size(tensor, translation));
    else
        append_data(text, translation);
    px_buffer_append_text(text, "}]}");
    if (!tensor->binary_answer)
        return 0;
    size_t json_size = text->size;
    append_binary(text, translation);
    return json_size;
}

static void write_problem(struct px_buffer *text, const struct px_error *problem, const char *id)
{
    (void)id;
    px_buffer_append_text(text, "{\"error\":");
    px_json_append_string(text, problem->message);
    px_buffer_append_text(text, "}\n");
}

const struct px_dialect px_dialect_inference = {
    .read = read_request,
    .accept = accept_tensor,
    .write = write_answer,
    .write_problem = write_problem,
    .problem_type = "application/json",
    .any_type = true,
};
