#ifndef SERVER_MESSAGE_FIELDS_H
#define SERVER_MESSAGE_FIELDS_H

/* The fields of /translate, from whichever source: query, form field or JSON key. They are first
 * collected as text (a field given twice must agree), then read into numbers and choices through
 * the same option table as the command line's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/codec.h"
#include "codecs/fit.h"
#include "config/options.h"
#include "model/engine/engine.h"

enum px_field {
    PX_FIELD_MODEL,
    PX_FIELD_FORMAT,
    PX_FIELD_QUALITY,
    PX_FIELD_PNG,
    PX_FIELD_FIT,
    PX_FIELD_NORM,
    PX_FIELD_DROPOUT,
    PX_FIELD_COUNT,
};

struct px_fields {
    char *text[PX_FIELD_COUNT];        /* malloc'ed; NULL: not given */
    const char *alias[PX_FIELD_COUNT]; /* the client's names, for messages; NULL: ours */
};

/* Adds one field. An empty value is as if the field was not given, whatever its name: that is how
 * HTML forms send what was left blank. `source` ("query parameter", "form field", "JSON key") is
 * for messages. INVALID: unknown name, NUL byte, longer than 255 bytes, or given before with
 * another value. */
int px_fields_add(struct px_fields *fields, const char *name, const char *value, size_t size,
                  const char *source, struct px_error *err);
/* Calls a field by another name in messages; `alias` is static. */
void px_fields_rename(struct px_fields *fields, enum px_field field, const char *alias);
/* The row that a field is read by: its name, choices and range. */
const struct px_option *px_fields_option(enum px_field field);
void px_fields_clear(struct px_fields *fields);

/* What the texts mean, with defaults for those not given. */
struct px_params {
    const char *model;     /* into the fields; NULL: the default model */
    enum px_format format; /* NONE: as the Accept header says */
    int quality;           /* of JPEG, 1-100 */
    bool stored;           /* PNG: not compressed */
    enum px_fit_mode fit;
    enum px_norm_mode norm;
    bool has_norm; /* the request says which; else the model does */
    bool dropout;
    uint64_t seed; /* if dropout is on */
};

int px_fields_read(const struct px_fields *fields, struct px_params *params, struct px_error *err);

#endif
