/* One value: from the field to text, and what text is allowed. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/parts/internal.h"

/* Bytes in the largest unit that divides them: "20MiB". */
static void bytes_text(uint64_t value, char *text, size_t size)
{
    static const char *const suffixes[] = {"", "KiB", "MiB", "GiB"};
    size_t i = 0;

    for (; i < 3 && value && value % 1024 == 0; i++)
        value /= 1024;
    snprintf(text, size, "%" PRIu64 "%s", value, suffixes[i]);
}

static bool has_range(const struct px_option *row)
{
    return row->min < row->max;
}

void px_option_range(const struct px_option *row, char *text, size_t size)
{
    char low[32], high[32];

    text[0] = 0;
    if (row->type == PX_OPTION_CHOICE)
        snprintf(text, size, "%s", row->choices);
    if (!has_range(row) || row->type == PX_OPTION_SEED)
        return;
    if (row->type == PX_OPTION_BYTES) {
        bytes_text((uint64_t)row->min, low, sizeof low);
        bytes_text(row->max < 0x1p64 ? (uint64_t)row->max : UINT64_MAX, high, sizeof high);
    } else {
        snprintf(low, sizeof low, "%.15g", row->min);
        snprintf(high, sizeof high, "%.15g", row->max);
    }
    if (row->max >= 0x1p31) /* a limit of the type, not of the option */
        snprintf(text, size, "at least %s", low);
    else
        snprintf(text, size, "%s..%s", low, high);
}

/* The shortest decimal that reads back as the same number: "0.1", "100" rather than "1e+02". */
static void number_text(double value, char *text, size_t size)
{
    char shorter[32];

    snprintf(text, size, "%.17g", value);
    for (int digits = 1; digits < 17; digits++) {
        snprintf(shorter, sizeof shorter, "%.*g", digits, value);
        if (strtod(shorter, NULL) == value && strlen(shorter) < strlen(text))
            snprintf(text, size, "%s", shorter);
    }
}

/* Copies the index-th of "a|b|c"; the length it has. */
static size_t choice_text(const char *choices, int index, char *text, size_t size)
{
    while (index-- > 0) {
        choices = strchr(choices, '|');
        assert(choices); /* the field holds an index that was read from them */
        choices++;
    }
    size_t length = strcspn(choices, "|");
    snprintf(text, size, "%.*s", (int)length, choices);
    return length;
}

static size_t list_text(const struct px_option_list *list, char *text, size_t size)
{
    size_t at = 0;

    text[0] = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t left = at < size ? size - at : 0;
        int n = snprintf(left ? text + at : NULL, left, "%s%s", i ? "," : "", list->items[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    return at;
}

bool px_option_text(const struct px_option *row, const void *settings, char *text, size_t size)
{
    const void *field = (const char *)settings + row->offset;
    const char *string;
    char digits[40];

    assert(size > 0);
    switch (row->type) {
    case PX_OPTION_FLAG:
        snprintf(digits, sizeof digits, "%s", *(const bool *)field ? "true" : "false");
        break;
    case PX_OPTION_INT:
        snprintf(digits, sizeof digits, "%" PRId64, *(const int64_t *)field);
        break;
    case PX_OPTION_BYTES:
        bytes_text(*(const uint64_t *)field, digits, sizeof digits);
        break;
    case PX_OPTION_SEED:
        snprintf(digits, sizeof digits, "%" PRIu64, *(const uint64_t *)field);
        break;
    case PX_OPTION_NUMBER:
        number_text(*(const double *)field, digits, sizeof digits);
        break;
    case PX_OPTION_STRING:
        string = *(const char *const *)field;
        return (size_t)snprintf(text, size, "%s", string ? string : "") < size;
    case PX_OPTION_CHOICE:
        return choice_text(row->choices, *(const int *)field, text, size) < size;
    case PX_OPTION_LIST:
        return list_text(field, text, size) < size;
    }
    return (size_t)snprintf(text, size, "%s", digits) < size;
}

static bool same_list(const struct px_option_list *a, const struct px_option_list *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

bool px_option_is_default(const struct px_option *row, const void *settings)
{
    const void *field = (const char *)settings + row->offset;
    struct px_option at_start = *row;
    struct px_options options = {0};
    union {
        max_align_t align;
        char bytes[sizeof(struct px_option_list)];
    } usual;
    char text[64], usual_text[64];
    bool same;

    at_start.offset = 0;
    if (px_option_reset(&at_start, &usual, &options, NULL))
        return false; /* no memory for a list */
    if (row->type == PX_OPTION_LIST)
        same = same_list(field, (const void *)&usual);
    else if (row->type == PX_OPTION_STRING) {
        const char *a = *(const char *const *)field,
                   *b = *(const char *const *)(const void *)&usual;
        same = a && b ? strcmp(a, b) == 0 : a == b;
    } else {
        px_option_text(row, settings, text, sizeof text);
        px_option_text(&at_start, &usual, usual_text, sizeof usual_text);
        same = strcmp(text, usual_text) == 0;
    }
    px_options_clear(&options);
    return same;
}
