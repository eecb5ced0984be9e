#include "server/message/fields.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"

enum { FIELD_SIZE_MAX = 255, DEFAULT_QUALITY = 90 };

/* What px_option_set() fills: choices as indices. */
struct values {
    const char *model, *dropout;
    int format, png, fit, norm;
    int64_t quality;
};

/* In the order of enum px_field. */
static const struct px_option rows[] = {
    {.name = "model", .type = PX_OPTION_STRING, .offset = offsetof(struct values, model)},
    {.name = "format",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct values, format),
     .choices = "png|jpeg"},
    {.name = "quality",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct values, quality),
     .min = 1,
     .max = 100},
    {.name = "png",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct values, png),
     .choices = "small|fast"},
    {.name = "fit",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct values, fit),
     .choices = PX_FIT_CHOICES},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct values, norm),
     .choices = "batch|running"},
    {.name = "dropout", .type = PX_OPTION_STRING, .offset = offsetof(struct values, dropout)},
};
_Static_assert(sizeof rows / sizeof rows[0] == PX_FIELD_COUNT, "one row a field");

static int find(const char *name)
{
    for (int i = 0; i < PX_FIELD_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return i;
    return -1;
}

static const char *name_of(const struct px_fields *fields, int field)
{
    return fields->alias[field] ? fields->alias[field] : rows[field].name;
}

int px_fields_add(struct px_fields *fields, const char *name, const char *value, size_t size,
                  const char *source, struct px_error *err)
{
    int i = find(name);

    if (size == 0)
        return 0;
    if (i < 0)
        return px_fail(err, PX_E_INVALID,
                       "unknown %s '%.60s'; the fields are model, format, quality, png, fit, "
                       "norm, dropout; a form or JSON object has the picture as 'image'",
                       source, name);
    name = name_of(fields, i);
    if (size > FIELD_SIZE_MAX || memchr(value, '\0', size) != NULL)
        return px_fail(err, PX_E_INVALID, "%s '%s' has a NUL byte or is longer than %d bytes",
                       source, name, FIELD_SIZE_MAX);
    const char *before = fields->text[i];
    if (before) {
        if (strlen(before) == size && memcmp(before, value, size) == 0)
            return 0;
        return px_fail(err, PX_E_INVALID,
                       "'%s' is given twice with different values, '%s' and '%.*s'", name, before,
                       (int)size, value);
    }
    fields->text[i] = strndup(value, size);
    if (!fields->text[i])
        return px_fail(err, PX_E_NOMEM, "no memory for the request; try again later");
    return 0;
}

void px_fields_rename(struct px_fields *fields, enum px_field field, const char *alias)
{
    assert(field < PX_FIELD_COUNT);
    fields->alias[field] = alias;
}

const struct px_option *px_fields_option(enum px_field field)
{
    assert(field < PX_FIELD_COUNT);
    return &rows[field];
}

void px_fields_clear(struct px_fields *fields)
{
    for (int i = 0; i < PX_FIELD_COUNT; i++)
        free(fields->text[i]);
    *fields = (struct px_fields){0};
}

static int read_dropout(const char *text, struct px_params *params, struct px_error *err)
{
    params->dropout = text && strcmp(text, "off") != 0;
    if (!params->dropout || px_option_read_seed(text, &params->seed))
        return 0;
    return px_fail(err, PX_E_INVALID,
                   "dropout is '%s'; write 'off' or a seed from 0 to 18446744073709551615", text);
}

int px_fields_read(const struct px_fields *fields, struct px_params *params, struct px_error *err)
{
    struct values values = {.format = -1, .quality = DEFAULT_QUALITY};

    for (int i = 0; i < PX_FIELD_COUNT; i++) {
        if (!fields->text[i])
            continue;
        struct px_option row = rows[i];
        row.name = name_of(fields, i);
        const struct px_option_table table = {.rows = &row, .count = 1};
        int rc = px_option_set(&table, &values, row.name, fields->text[i], "field", err);
        if (rc < 0)
            return rc;
    }
    *params = (struct px_params){
        .model = values.model,
        .format = values.format < 0    ? PX_FORMAT_NONE
                  : values.format == 0 ? PX_FORMAT_PNG
                                       : PX_FORMAT_JPEG,
        .quality = (int)values.quality,
        .stored = values.png == 1,
        .fit = (enum px_fit_mode)values.fit,
        .norm = values.norm == 0 ? PX_TEST_BATCH : PX_TEST_RUNNING,
        .has_norm = fields->text[PX_FIELD_NORM],
    };
    return read_dropout(values.dropout, params, err);
}
