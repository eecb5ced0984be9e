#include "server/message/body.h"

#include <string.h>
#include <strings.h>

#include "base/block.h"
#include "codecs/base64.h"
#include "server/message/json_load.h"
#include "server/message/multipart.h"

enum { MAX_JSON_KEYS = 64 }; /* there are fewer, but an unknown one deserves to be named */

void px_body_clear(struct px_body *body)
{
    px_block_release(body->whole.data);
    body->whole = (struct px_owned_bytes){0};
    body->image = NULL;
    body->image_size = 0;
}

static int read_raw(struct px_body *body, enum px_body_kind kind, struct px_error *err)
{
    enum px_format real = px_sniff((struct px_span){body->whole.data, body->whole.size});
    enum px_format declared = kind == PX_BODY_PNG    ? PX_FORMAT_PNG
                              : kind == PX_BODY_JPEG ? PX_FORMAT_JPEG
                                                     : real;

    if (real != declared && real != PX_FORMAT_NONE)
        return px_fail(err, PX_E_UNSUPPORTED,
                       "the Content-Type says %s but the bytes are %s; send 'Content-Type: %s'",
                       px_format_mime(declared), px_format_mime(real), px_format_mime(real));
    body->image = body->whole.data;
    body->image_size = body->whole.size;
    return 0;
}

static bool is_url(const char *text, size_t size)
{
    return (size >= 7 && strncasecmp(text, "http://", 7) == 0) ||
           (size >= 8 && strncasecmp(text, "https://", 8) == 0);
}

static int not_a_file(const struct px_form_part *image, struct px_error *err)
{
    return px_fail(err, PX_E_INVALID,
                   "the form field 'image' is %s; send the picture with curl -F image=@FILE",
                   is_url((const char *)image->data, image->size)
                       ? "a URL, and URLs are not fetched"
                       : "not a file");
}

/* Browsers send the button that submitted a form like a field. */
static bool is_button(const struct px_form_part *part)
{
    return !part->is_file && strcmp(part->name, "submit") == 0;
}

static int read_multipart(struct px_body *body, const char *boundary, struct px_fields *fields,
                          struct px_error *err)
{
    struct px_form_parts parts;
    const struct px_form_part *image = NULL;
    int rc = px_multipart_parse(body->whole.data, body->whole.size, boundary, &parts, err);

    for (size_t i = 0; i < parts.count && rc == 0; i++) {
        const struct px_form_part *part = &parts.at[i];
        bool named = strcmp(part->name, "image") == 0;
        if (part->not_chosen || is_button(part))
            continue;
        if (!part->is_file && named && part->size > 0)
            rc = not_a_file(part, err);
        else if (!part->is_file)
            rc = px_fields_add(fields, part->name, (const char *)part->data, part->size,
                               "form field", err);
        else if (named && image && strcmp(image->name, "image") == 0)
            rc = px_fail(err, PX_E_INVALID, "the form has two files named 'image'; send one");
        else if (!image || named)
            image = part;
    }
    if (rc < 0)
        return rc;
    if (!image)
        return px_fail(err, PX_E_INVALID,
                       "the form has no file; send one with curl -F image=@FILE");
    body->image = image->data;
    body->image_size = image->size;
    return 0;
}

/* Skips "data:TYPE;base64," of a data: URL (RFC 2397). */
static int skip_data_url(const char **text, size_t *length, struct px_error *err)
{
    static const char marker[] = ";base64";
    const size_t n = sizeof marker - 1;

    if (*length < 5 || strncasecmp(*text, "data:", 5) != 0)
        return 0;
    const char *comma = memchr(*text, ',', *length);
    if (!comma || (size_t)(comma - *text) < n || strncasecmp(comma - n, marker, n) != 0)
        return px_fail(err, PX_E_INVALID,
                       "JSON key 'image' is a data: URL that is not base64; send "
                       "data:image/png;base64,...");
    *length -= (size_t)(comma + 1 - *text);
    *text = comma + 1;
    return 0;
}

/* Replaces the body by the decoded picture. */
static int read_json_image(struct px_body *body, json_t *value, struct px_error *err)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    struct px_owned_bytes decoded = {0};
    int rc;

    if (!text)
        return px_fail(err, PX_E_INVALID, "JSON key 'image' is not a string of base64");
    if (is_url(text, length))
        return px_fail(err, PX_E_INVALID,
                       "JSON key 'image' is a URL, and URLs are not fetched; send the picture in "
                       "base64");
    rc = skip_data_url(&text, &length, err);
    if (rc < 0)
        return rc;
    rc = px_base64_decode((struct px_span){(const uint8_t *)text, length}, length, &decoded.data,
                          &decoded.size, err);
    if (rc < 0) {
        px_error_prefix(err, "JSON key 'image'");
        return rc;
    }
    body->whole = decoded;
    body->image = decoded.data;
    body->image_size = decoded.size;
    return 0;
}

/* Languages with one type of number may write 90 as 90.0. Beyond 2^53 it may be rounded. */
static bool is_whole(double number)
{
    return number >= -0x1p53 && number <= 0x1p53 && number == (double)(int64_t)number;
}

static int add_json_field(struct px_fields *fields, const char *key, json_t *value,
                          struct px_error *err)
{
    char number[32];

    if (json_is_null(value))
        return 0; /* not given */
    if (json_is_string(value))
        return px_fields_add(fields, key, json_string_value(value), json_string_length(value),
                             "JSON key", err);
    if (json_is_integer(value)) {
        int n = snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return px_fields_add(fields, key, number, (size_t)n, "JSON key", err);
    }
    if (json_is_real(value) && is_whole(json_real_value(value))) {
        int n = snprintf(number, sizeof number, "%.0f", json_real_value(value));
        return px_fields_add(fields, key, number, (size_t)n, "JSON key", err);
    }
    return px_fail(err, PX_E_INVALID, "JSON key '%.60s' is neither a string nor a whole number",
                   key);
}

static int read_object(struct px_body *body, json_t *root, struct px_fields *fields,
                       struct px_error *err)
{
    const char *key;
    json_t *value;
    int rc = 0;

    if (!json_is_object(root))
        return px_fail(err, PX_E_INVALID,
                       "the JSON body is not an object; send {\"image\": \"<base64>\", ...}");
    json_object_foreach(root, key, value)
    {
        if (strcmp(key, "image") == 0 && !json_is_null(value))
            rc = read_json_image(body, value, err);
        else
            rc = add_json_field(fields, key, value, err);
        if (rc < 0)
            return rc;
    }
    if (!body->image)
        return px_fail(err, PX_E_INVALID,
                       "the JSON body has no key 'image' with the picture in base64");
    return 0;
}

/* A body is one flat object. Anything else is refused before it is parsed, where every "0," would
 * take forty bytes of memory. Whether all of it is JSON is not decided here. */
static int check_flat(const struct px_span *text, struct px_error *err)
{
    size_t opened = 0, commas = 0;
    bool quoted = false;

    for (size_t i = 0; i < text->size; i++) {
        uint8_t c = text->data[i];
        if (quoted) { /* nearly always: the picture */
            i += c == '\\';
            quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        opened += c == '{' || c == '[';
        commas += c == ',';
        if (opened > 1 || commas >= MAX_JSON_KEYS)
            return px_fail(err, PX_E_INVALID,
                           "the JSON body is not one object of strings and whole numbers, at most "
                           "%d; send {\"image\": \"<base64>\", ...}",
                           MAX_JSON_KEYS);
    }
    return 0;
}

static int malformed(const json_error_t *problem, struct px_error *err)
{
    if (json_error_code(problem) == json_error_out_of_memory)
        return px_fail(err, PX_E_NOMEM, "no memory for the JSON body; try again later");
    bool large = json_error_code(problem) == json_error_numeric_overflow;

    return px_fail(err, PX_E_INVALID, "malformed JSON in line %d, column %d: %.120s%s",
                   problem->line, problem->column, problem->text,
                   large ? "; write large numbers as a string" : "");
}

/* Without the byte order mark that some editors and languages put before UTF-8. */
static struct px_span skip_mark(const uint8_t *text, size_t size)
{
    size_t n = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    return (struct px_span){text + n, size - n};
}

static int read_json(struct px_body *body, struct px_fields *fields, struct px_error *err)
{
    const struct px_span text = skip_mark(body->whole.data, body->whole.size);
    json_error_t problem;

    if (text.size == 0)
        return px_fail(err, PX_E_INVALID,
                       "the JSON body is empty; send {\"image\": \"<base64>\", ...}");
    int rc = check_flat(&text, err);
    if (rc < 0)
        return rc;
    json_t *root = px_json_load(text, &problem);

    /* The text is not needed any more, and it may be as large as the limit allows. */
    px_body_clear(body);
    if (!root)
        return malformed(&problem, err);
    rc = read_object(body, root, fields, err);
    json_decref(root);
    return rc;
}

int px_body_read(struct px_body *body, const struct px_content_type *type, struct px_fields *fields,
                 struct px_error *err)
{
    switch (type->kind) {
    case PX_BODY_MULTIPART:
        return read_multipart(body, type->boundary, fields, err);
    case PX_BODY_JSON:
        return read_json(body, fields, err);
    default:
        return read_raw(body, type->kind, err);
    }
}
