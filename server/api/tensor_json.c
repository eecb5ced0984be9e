#include "server/api/tensor_json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "server/message/json_load.h"

struct json_cursor {
    uint8_t *at, *end;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct json_cursor *c)
{
    while (c->at < c->end && is_space(*c->at))
        c->at++;
}

/* c->at is at the opening quote and moves behind the closing one, or to the end. */
static void skip_string(struct json_cursor *c)
{
    for (c->at++; c->at < c->end && *c->at != '"'; c->at++)
        if (*c->at == '\\' && c->end - c->at > 1)
            c->at++;
    if (c->at < c->end)
        c->at++;
}

/* c->at is at '[' and moves behind the ']' that closes it; false if there is none. */
static bool skip_array(struct json_cursor *c)
{
    size_t depth = 0;

    while (c->at < c->end) {
        if (*c->at == '"') {
            skip_string(c);
            continue;
        }
        depth += *c->at == '[';
        if (*c->at++ == ']' && --depth == 0)
            return true;
    }
    return false;
}

/* Finds the arrays that are values of keys "data"; more than one is refused. */
static int find_data(uint8_t *text, size_t size, struct px_tensor_json *out, struct px_error *err)
{
    struct json_cursor c = {text, text + size};

    while (c.at < c.end) {
        uint8_t *start = c.at;
        if (*c.at != '"') {
            c.at++;
            continue;
        }
        skip_string(&c);
        bool is_data = c.at - start == 6 && memcmp(start, "\"data\"", 6) == 0;
        skip_space(&c);
        if (!is_data || c.at == c.end || *c.at != ':')
            continue;
        c.at++;
        skip_space(&c);
        if (c.at == c.end || *c.at != '[')
            continue;
        if (out->data)
            return px_fail(err, PX_E_INVALID, "the request has two tensors with data; send one");
        out->data = c.at;
        if (!skip_array(&c))
            return px_fail(err, PX_E_INVALID, "malformed JSON: the array \"data\" is not closed");
        out->data_size = (size_t)(c.at - out->data);
    }
    return 0;
}

int px_tensor_json_read(uint8_t *text, size_t size, struct px_tensor_json *out,
                        struct px_error *err)
{
    struct px_buffer rest = {0};
    json_error_t problem;

    *out = (struct px_tensor_json){0};
    int rc = find_data(text, size, out, err);
    if (rc < 0)
        return rc;
    size_t before = out->data ? (size_t)(out->data - text) : size;
    size_t behind = out->data ? size - before - out->data_size : 0;
    if (before + behind > PX_TENSOR_JSON_MAX)
        return px_fail(err, PX_E_INVALID, "the JSON has %zu bytes beside its data; the limit is %d",
                       before + behind, PX_TENSOR_JSON_MAX);
    px_buffer_append(&rest, text, before);
    px_buffer_append_text(&rest, out->data ? "[]" : "");
    px_buffer_append(&rest, text + size - behind, behind);
    if (rest.failed)
        return px_fail(err, PX_E_NOMEM, "no memory for the request; try again later");
    out->root = px_json_load((struct px_span){rest.data, rest.size}, &problem);
    px_buffer_clear(&rest);
    if (out->root)
        return 0;
    if (json_error_code(&problem) == json_error_out_of_memory)
        return px_fail(err, PX_E_NOMEM, "no memory for the request; try again later");
    return px_fail(err, PX_E_INVALID, "malformed JSON: %.120s", problem.text);
}

/* Reads the number at c->at. The array's closing bracket keeps strtod() from running on. */
static int read_number(struct json_cursor *c, double *number, struct px_error *err)
{
    const char *start = (const char *)c->at;
    char *end;

    size_t n = strspn(start, "+-.0123456789eE");
    *number = strtod(start, &end);
    if (n == 0 || end != start + n || (*start != '-' && (*start < '0' || *start > '9')))
        return px_fail(err, PX_E_INVALID, "the tensor's data has something other than numbers");
    c->at += n;
    return 0;
}

static int to_byte(double number, bool floats, uint8_t *byte, struct px_error *err)
{
    double value = floats ? (number + 1) * 127.5 + 0.5 : number;

    if (floats && !(number >= -1.001 && number <= 1.001))
        return px_fail(err, PX_E_INVALID, "the tensor has the value %g; FP32 must be from -1 to 1",
                       number);
    if (!floats && !(number >= 0 && number <= 255 && number == (double)(uint8_t)number))
        return px_fail(err, PX_E_INVALID,
                       "the tensor has the value %g; UINT8 is a whole number from 0 to 255",
                       number);
    *byte = value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
    return 0;
}

int px_tensor_json_numbers(struct px_tensor_json *json, size_t count, bool floats,
                           struct px_error *err)
{
    struct json_cursor c = {json->data, json->data + json->data_size};
    size_t n = 0;

    assert(json->data && json->data_size >= 2);
    for (;;) {
        while (c.at < c.end && (is_space(*c.at) || *c.at == ',' || *c.at == '[' || *c.at == ']'))
            c.at++;
        if (c.at == c.end)
            break;
        double number;
        uint8_t byte = 0;
        int rc = read_number(&c, &number, err);
        if (rc == 0)
            rc = to_byte(number, floats, &byte, err);
        if (rc < 0)
            return rc;
        if (n < count)
            json->data[n] = byte; /* behind what was read: a number has a character at least */
        n++;
    }
    if (n != count)
        return px_fail(err, PX_E_INVALID, "the tensor has %zu values, its shape says %zu", n,
                       count);
    return 0;
}

int px_tensor_json_string(struct px_tensor_json *json, struct px_span *out, struct px_error *err)
{
    struct json_cursor c = {json->data + 1, json->data + json->data_size - 1};

    skip_space(&c);
    uint8_t *start = c.at;
    if (c.at < c.end && *c.at == '"')
        skip_string(&c);
    uint8_t *end = c.at;
    skip_space(&c);
    if (end - start < 2 || c.at != c.end)
        return px_fail(err, PX_E_INVALID,
                       "the data of a BYTES tensor is not one string, of a PNG or JPEG in base64");
    uint8_t *to = start;
    for (const uint8_t *s = start + 1; s < end - 1; s++)
        if (*s != '\\' || s[1] != '/')
            *to++ = *s;
    *out = (struct px_span){start, (size_t)(to - start)};
    return 0;
}
