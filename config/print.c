/* The effective settings as JSON. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/internal.h"

static void print_number(double value, FILE *out)
{
    char text[40];

    snprintf(text, sizeof text, "%.15g", value); /* 0.1, not 0.10000000000000001 ... */
    if (strtod(text, NULL) != value)             /* ... unless that is another number */
        snprintf(text, sizeof text, "%.17g", value);
    fputs(text, out);
}

static int print_string(const char *value, size_t length, FILE *out)
{
    json_t *string = json_stringn(value, length);
    char *text = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

    json_decref(string);
    if (!text)
        return -PX_E_INVALID;
    fputs(text, out);
    free(text);
    return 0;
}

static int print_choice(const char *choices, int index, FILE *out)
{
    const char *word = choices;
    size_t length;

    for (int i = 0;; i++) {
        length = 0;
        while (word[length] && word[length] != '|')
            length++;
        if (i == index || !word[length])
            return print_string(word, length, out);
        word += length + 1;
    }
}

static int print_value(const struct px_option *row, const void *field, FILE *out)
{
    const char *string;
    uint64_t natural;
    char text[40];

    switch (row->type) {
    case PX_OPTION_FLAG:
        fputs(*(const bool *)field ? "true" : "false", out);
        break;
    case PX_OPTION_INT:
        fprintf(out, "%" PRId64, *(const int64_t *)field);
        break;
    case PX_OPTION_BYTES:
        px_option_bytes_text(*(const uint64_t *)field, text, sizeof text);
        fprintf(out, "\"%s\"", text);
        break;
    case PX_OPTION_SEED: /* JSON readers, ours too, stop at 2^63 */
        natural = *(const uint64_t *)field;
        fprintf(out, natural > INT64_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, natural);
        break;
    case PX_OPTION_NUMBER:
        print_number(*(const double *)field, out);
        break;
    case PX_OPTION_STRING:
        string = *(const char *const *)field;
        if (string)
            return print_string(string, strlen(string), out);
        fputs("null", out);
        break;
    case PX_OPTION_CHOICE:
        return print_choice(row->choices, *(const int *)field, out);
    }
    return 0;
}

int px_options_print(const struct px_option_table *table, const void *settings, FILE *out)
{
    const char *separator = "\n";

    fputs("{", out);
    for (size_t i = 0; i < table->count; i++) {
        const struct px_option *row = &table->rows[i];
        if (row->action)
            continue;
        fprintf(out, "%s  \"%s\": ", separator, row->name);
        int rc = print_value(row, (const char *)settings + row->offset, out);
        if (rc)
            return rc;
        separator = ",\n";
    }
    fputs("\n}\n", out);
    return fflush(out) != 0 || ferror(out) ? -PX_E_IO : 0;
}
