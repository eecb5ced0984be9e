/* The JSON file: one object, keys spelt as the flags. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "config/internal.h"

enum { FILE_LIMIT = 1 << 20 };

/* What a row's value looks like in JSON. */
static const char *json_kind(enum px_option_type type)
{
    switch (type) {
    case PX_OPTION_FLAG:
        return "true or false";
    case PX_OPTION_INT:
        return "a whole number";
    case PX_OPTION_BYTES:
        return "a whole number or a string such as \"20MiB\"";
    case PX_OPTION_SEED:
        return "a whole number (in quotes from 2^63)";
    case PX_OPTION_NUMBER:
        return "a number";
    case PX_OPTION_STRING:
    case PX_OPTION_CHOICE:
        break;
    }
    return "a string";
}

/* The value as the command line would spell it, in `text` or the value's own string; NULL where its
 * JSON type is not the row's. */
static const char *as_text(const struct px_option *row, const json_t *value, char text[static 40])
{
    enum px_option_type type = row->type;
    bool whole = type == PX_OPTION_INT || type == PX_OPTION_BYTES || type == PX_OPTION_SEED;
    bool string = type == PX_OPTION_STRING || type == PX_OPTION_CHOICE || type == PX_OPTION_BYTES ||
                  type == PX_OPTION_SEED;

    if (type == PX_OPTION_FLAG && json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    if (string && json_is_string(value))
        return json_string_value(value);
    if (type == PX_OPTION_NUMBER && json_is_real(value))
        snprintf(text, 40, "%.17g", json_real_value(value));
    else if ((whole || type == PX_OPTION_NUMBER) && json_is_integer(value))
        snprintf(text, 40, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        return NULL;
    return text;
}

static char *copy(struct px_options *options, const char *text)
{
    size_t size = strlen(text) + 1;
    char *memory = px_options_alloc(options, size);

    return memory ? memcpy(memory, text, size) : NULL;
}

struct reader {
    const struct px_option_table *table;
    void *settings;
    const char *path;
    struct px_options *options;
};

static int apply_value(const struct reader *r, const struct px_option *row, const char *key,
                       const json_t *value, struct px_error *err)
{
    char name[256], buffer[40];
    const struct source source = {PX_E_USAGE, name};

    if (json_is_null(value))
        return px_option_reset(row, r->settings, err);
    const char *text = as_text(row, value, buffer);
    if (!text) {
        char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        int rc = px_fail(err, PX_E_USAGE, "%s: %s: %.80s is not %s", r->path, key,
                         dump ? dump : "the value", json_kind(row->type));
        free(dump);
        return rc;
    }
    snprintf(name, sizeof name, "%.180s: %.60s", r->path, key);
    if (row->type == PX_OPTION_STRING && !(text = copy(r->options, text)))
        return px_fail(err, PX_E_NOMEM, "%s: no memory for %s", r->path, key);
    return px_option_assign(row, r->settings, text, &source, err);
}

/* `queue_size` and `queue-size` are two JSON keys but one option. */
static int check_twice(const struct reader *r, json_t *object, const char *key,
                       const struct px_option *row, struct px_error *err)
{
    const char *other;
    json_t *value;

    json_object_foreach(object, other, value)
    {
        if (strcmp(other, key) != 0 && px_option_find(r->table, other, strlen(other)) == row)
            return px_fail(err, PX_E_USAGE, "%s: '%s' and '%s' are the same option", r->path, key,
                           other);
    }
    return 0;
}

static int apply_object(const struct reader *r, json_t *object, struct px_error *err)
{
    const char *key;
    json_t *value;
    char hint[128];

    json_object_foreach(object, key, value)
    {
        const struct px_option *row = px_option_find(r->table, key, strlen(key));
        if (!row)
            return px_fail(err, PX_E_USAGE, "%s: unknown key '%.80s'%s", r->path, key,
                           px_option_hint(r->table, key, "", hint));
        if (row->action)
            return px_fail(err, PX_E_USAGE, "%s: '%s' cannot be set in a file", r->path, key);
        int rc = check_twice(r, object, key, row, err);
        if (!rc)
            rc = apply_value(r, row, key, value, err);
        if (rc)
            return rc;
    }
    return 0;
}

int px_options_from_file(const struct px_option_table *table, void *settings, const char *path,
                         struct px_options *options, struct px_error *err)
{
    const struct reader reader = {table, settings, path, options};
    json_error_t problem;
    uint8_t *data;
    size_t size;
    int rc = px_file_read(path, FILE_LIMIT, &data, &size, err);

    if (rc)
        return rc;
    json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &problem);
    free(data);
    if (!root)
        return px_fail(err, PX_E_USAGE, "%s: line %d: %s", path, problem.line, problem.text);
    if (json_is_object(root))
        rc = apply_object(&reader, root, err);
    else
        rc = px_fail(err, PX_E_USAGE, "%s: holds no JSON object {\"option\": value, ...}", path);
    json_decref(root);
    return rc;
}
