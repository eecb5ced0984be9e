/* The JSON file: one object, keys spelt as the flags. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "config/parts/internal.h"

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
        return "a whole number (in quotes if it is 2^63 or more)";
    case PX_OPTION_NUMBER:
        return "a number";
    case PX_OPTION_LIST:
        return "an array of strings or a string";
    case PX_OPTION_STRING:
    case PX_OPTION_CHOICE:
        break;
    }
    return "a string";
}

/* The value as the command line would spell it, in `text` or the value's own string; NULL if its
 * JSON type is not the row's. */
static const char *as_text(const struct px_option *row, const json_t *value, char text[static 40])
{
    enum px_option_type type = row->type;
    bool whole = type == PX_OPTION_INT || type == PX_OPTION_BYTES || type == PX_OPTION_SEED;
    bool string = type == PX_OPTION_STRING || type == PX_OPTION_CHOICE || type == PX_OPTION_BYTES ||
                  type == PX_OPTION_SEED || type == PX_OPTION_LIST;

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

static int refuse_type(const char *path, const char *key, const struct px_option *row,
                       const json_t *value, struct px_error *err)
{
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    int rc = px_fail(err, PX_E_USAGE, "%s: %s: %.80s is not %s", path, key,
                     dump ? dump : "the value", json_kind(row->type));

    free(dump);
    return rc;
}

static int apply_array(const struct px_option_parse *parse, const struct px_option *row,
                       const json_t *array, struct px_error *err)
{
    struct px_option_list *list = (void *)((char *)parse->settings + row->offset);
    const json_t *item;
    size_t i;

    if (!px_option_list_init(list, json_array_size(array), parse->options))
        return px_fail(err, PX_E_NOMEM, "no memory for the values of --%s", row->name);
    json_array_foreach(array, i, item)
    {
        const char *text = copy(parse->options, json_string_value(item));
        if (!text)
            return px_fail(err, PX_E_NOMEM, "no memory for the values of --%s", row->name);
        list->items[list->count++] = text;
    }
    return 0;
}

static bool holds_strings(const json_t *array)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item))
            return false;
    }
    return json_is_array(array);
}

/* A member of the file's object. */
struct member {
    const char *path, *key;
    const json_t *value;
};

static int apply_value(const struct px_option_parse *parse, const struct px_option *row,
                       const struct member *member, struct px_error *err)
{
    char name[256], buffer[40];
    const struct px_option_source source = {PX_E_USAGE, name, parse->options};

    if (json_is_null(member->value))
        return px_option_reset(row, parse->settings, parse->options, err);
    if (row->type == PX_OPTION_LIST && holds_strings(member->value))
        return apply_array(parse, row, member->value, err);
    const char *text = as_text(row, member->value, buffer);
    if (!text)
        return refuse_type(member->path, member->key, row, member->value, err);
    snprintf(name, sizeof name, "%.180s: %.60s", member->path, member->key);
    if (row->type == PX_OPTION_STRING && !(text = copy(parse->options, text)))
        return px_fail(err, PX_E_NOMEM, "%s: no memory for %s", member->path, member->key);
    return px_option_assign(row, parse->settings, text, &source, err);
}

/* `queue_size` and `queue-size` are two JSON keys but one option. */
static int check_twice(const struct px_option_parse *parse, json_t *object,
                       const struct member *member, struct px_error *err)
{
    const struct px_option *row = px_option_find(parse->table, member->key, strlen(member->key));
    const char *other;
    json_t *value;

    json_object_foreach(object, other, value)
    {
        if (strcmp(other, member->key) != 0 &&
            px_option_find(parse->table, other, strlen(other)) == row)
            return px_fail(err, PX_E_USAGE, "%s: '%s' and '%s' are the same option", member->path,
                           member->key, other);
    }
    return 0;
}

static int apply_object(const struct px_option_parse *parse, const char *path, json_t *object,
                        struct px_error *err)
{
    struct member member = {.path = path};
    json_t *value;
    char hint[128];

    json_object_foreach(object, member.key, value)
    {
        const struct px_option *row = px_option_find(parse->table, member.key, strlen(member.key));
        member.value = value;
        if (!row)
            return px_fail(err, PX_E_USAGE, "%s: unknown key '%.80s'%s", path, member.key,
                           px_option_hint(parse->table, member.key, "", hint));
        if (row->action)
            return px_fail(err, PX_E_USAGE, "%s: '%s' cannot be set in a file", path, member.key);
        int rc = check_twice(parse, object, &member, err);
        if (!rc)
            rc = apply_value(parse, row, &member, err);
        if (rc)
            return rc;
    }
    return 0;
}

int px_options_from_file(const struct px_option_parse *parse, const char *path,
                         struct px_error *err)
{
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
        rc = apply_object(parse, path, root, err);
    else
        rc = px_fail(err, PX_E_USAGE, "%s: not a JSON object {\"option\": value, ...}", path);
    json_decref(root);
    return rc;
}
