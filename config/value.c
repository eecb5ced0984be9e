/* One value: from text to the field, with the row's checks. */

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/internal.h"

static const struct {
    const char *suffix;
    unsigned shift;
} units[] = {{"", 0},  {"K", 10},   {"M", 20},   {"G", 30},
             {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};

static bool ranged(const struct px_option *row)
{
    return row->min < row->max; /* both are 0 where there is no range */
}

void px_option_range(const struct px_option *row, char *text, size_t size)
{
    char low[32], high[32];

    text[0] = 0;
    if (row->type == PX_OPTION_CHOICE)
        snprintf(text, size, "%s", row->choices);
    if (!ranged(row) || row->type == PX_OPTION_SEED)
        return;
    if (row->type == PX_OPTION_BYTES) {
        px_option_bytes_text((uint64_t)row->min, low, sizeof low);
        px_option_bytes_text(row->max < 0x1p64 ? (uint64_t)row->max : UINT64_MAX, high,
                             sizeof high);
    } else {
        snprintf(low, sizeof low, "%.15g", row->min);
        snprintf(high, sizeof high, "%.15g", row->max);
    }
    if (row->max >= 0x1p31) /* a limit of the type, not of the option */
        snprintf(text, size, "at least %s", low);
    else
        snprintf(text, size, "%s..%s", low, high);
}

static int refuse(const struct px_option *row, const char *text, const char *problem,
                  const struct source *source, struct px_error *err)
{
    char range[128];

    px_option_range(row, range, sizeof range);
    return px_fail(err, source->code, "%s%s: '%.80s' %s%s%s (%.160s)",
                   source->code == PX_E_INVALID ? "" : "--", row->name, text, problem,
                   range[0] ? ", allowed: " : "", range, source->name);
}

/* A decimal integer that fills the whole text; errno is ERANGE and *value the nearest there is
 * where it does not fit. */
static bool read_int(const char *text, int64_t *value)
{
    char *end;

    if (!(*text >= '0' && *text <= '9') && !(*text == '-' && text[1] >= '0' && text[1] <= '9'))
        return false; /* strtoll would take white space and '+' */
    errno = 0;
    *value = strtoll(text, &end, 10);
    return *end == 0;
}

/* An unsigned decimal integer; *end is what follows it. */
static bool read_unsigned(const char *text, uint64_t *value, char **end)
{
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, end, 10);
    return errno == 0;
}

bool px_option_dropout(const char *text, bool *on, uint64_t *seed)
{
    char *end;

    *on = strcmp(text, "off") != 0;
    return !*on || (read_unsigned(text, seed, &end) && *end == 0);
}

static bool read_bytes(const char *text, uint64_t *value)
{
    char *end;

    if (!read_unsigned(text, value, &end))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcasecmp(end, units[i].suffix) == 0) {
            if (*value > UINT64_MAX >> units[i].shift)
                return false;
            *value <<= units[i].shift;
            return true;
        }
    return false;
}

void px_option_bytes_text(uint64_t value, char *text, size_t size)
{
    static const char *const suffixes[] = {"", "KiB", "MiB", "GiB"};
    size_t i = 0;

    for (; i < 3 && value && value % 1024 == 0; i++)
        value /= 1024;
    snprintf(text, size, "%" PRIu64 "%s", value, suffixes[i]);
}

static bool read_number(const char *text, double *value)
{
    char *end;

    if (!strchr("-.0123456789", *text) || strpbrk(text, "xX"))
        return false; /* no white space, no "nan", no hexadecimal */
    *value = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*value);
}

static bool read_flag(const char *text, bool *value)
{
    static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *value = i % 2;
            return true;
        }
    return false;
}

static bool read_choice(const char *text, const char *choices, int *value)
{
    size_t length = strlen(text);
    int index = 0;

    for (const char *word = choices; word; index++) {
        size_t n = strcspn(word, "|");
        if (n == length && memcmp(word, text, n) == 0) {
            *value = index;
            return true;
        }
        word = word[n] ? word + n + 1 : NULL;
    }
    return false;
}

static bool in_range(const struct px_option *row, double value)
{
    return !ranged(row) || (value >= row->min && value <= row->max);
}

/* Parses into `field`; the problem in words, or NULL. */
static const char *store(const struct px_option *row, void *field, const char *text)
{
    static const char *const outside = "is out of range";
    union {
        bool flag;
        int64_t whole;
        uint64_t natural;
        double number;
        int choice;
    } v;
    char *end;

    switch (row->type) {
    case PX_OPTION_FLAG:
        if (!read_flag(text, &v.flag))
            return "is neither true nor false";
        *(bool *)field = v.flag;
        return NULL;
    case PX_OPTION_INT:
        if (row->zero && strcmp(text, row->zero) == 0)
            text = "0";
        if (!read_int(text, &v.whole))
            return "is not a whole number";
        if (errno == ERANGE || !in_range(row, (double)v.whole))
            return outside;
        *(int64_t *)field = v.whole;
        return NULL;
    case PX_OPTION_BYTES:
        if (!read_bytes(text, &v.natural))
            return "is not a size such as 65536, 64KiB, 20MiB or 1GiB";
        if (!in_range(row, (double)v.natural))
            return outside;
        *(uint64_t *)field = v.natural;
        return NULL;
    case PX_OPTION_SEED:
        if (!read_unsigned(text, &v.natural, &end) || *end)
            return "is not a whole number from 0 to 18446744073709551615";
        *(uint64_t *)field = v.natural;
        return NULL;
    case PX_OPTION_NUMBER:
        if (!read_number(text, &v.number))
            return "is not a number";
        if (!in_range(row, v.number))
            return outside;
        *(double *)field = v.number;
        return NULL;
    case PX_OPTION_STRING:
        *(const char **)field = text;
        return NULL;
    case PX_OPTION_CHOICE:
        if (!read_choice(text, row->choices, &v.choice))
            return "is not known";
        *(int *)field = v.choice;
        return NULL;
    }
    return "is of no known type";
}

int px_option_assign(const struct px_option *row, void *settings, const char *text,
                     const struct source *source, struct px_error *err)
{
    const char *problem = store(row, (char *)settings + row->offset, text);

    return problem ? refuse(row, text, problem, source, err) : 0;
}

static void zero(const struct px_option *row, void *field)
{
    switch (row->type) {
    case PX_OPTION_FLAG:
        *(bool *)field = false;
        break;
    case PX_OPTION_INT:
        *(int64_t *)field = 0;
        break;
    case PX_OPTION_BYTES:
    case PX_OPTION_SEED:
        *(uint64_t *)field = 0;
        break;
    case PX_OPTION_NUMBER:
        *(double *)field = 0;
        break;
    case PX_OPTION_STRING:
        *(const char **)field = NULL;
        break;
    case PX_OPTION_CHOICE:
        *(int *)field = 0;
        break;
    }
}

int px_option_reset(const struct px_option *row, void *settings, struct px_error *err)
{
    static const struct source table = {PX_E_INTERNAL, "the default in the table"};

    zero(row, (char *)settings + row->offset);
    return row->fallback ? px_option_assign(row, settings, row->fallback, &table, err) : 0;
}
