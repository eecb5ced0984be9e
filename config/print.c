/* The effective settings as JSON. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/parts/internal.h"

static int print_string(const char *value, FILE *out)
{
    json_t *string = json_string(value);
    char *text = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

    json_decref(string);
    if (!text)
        return -PX_E_INVALID;
    fputs(text, out);
    free(text);
    return 0;
}

static int print_list(const struct px_option_list *list, FILE *out)
{
    int rc = 0;

    fputc('[', out);
    for (size_t i = 0; i < list->count && !rc; i++) {
        fputs(i ? ", " : "", out);
        rc = print_string(list->items[i], out);
    }
    fputc(']', out);
    return rc;
}

static int print_value(const struct px_option *row, const void *settings, FILE *out)
{
    const void *field = (const char *)settings + row->offset;
    char text[128];
    const char *string = text;
    bool quoted = row->type == PX_OPTION_BYTES || row->type == PX_OPTION_CHOICE;

    if (row->type == PX_OPTION_LIST)
        return print_list(field, out);
    if (row->type == PX_OPTION_STRING) {
        string = *(const char *const *)field;
        quoted = string != NULL;
    } else
        px_option_text(row, settings, text, sizeof text);
    if (row->type == PX_OPTION_SEED) /* JSON readers, ours too, stop at 2^63 */
        quoted = *(const uint64_t *)field > INT64_MAX;
    if (quoted)
        return print_string(string, out);
    fputs(string ? string : "null", out);
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
        int rc = print_value(row, settings, out);
        if (rc)
            return rc;
        separator = ",\n";
    }
    fputs("\n}\n", out);
    return fflush(out) != 0 || ferror(out) ? -PX_E_IO : 0;
}
