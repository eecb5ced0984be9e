/* One value: from text to the field, with the row's checks. */

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/parts/internal.h"

static const struct {
    const char *suffix;
    unsigned shift;
} units[] = {{"", 0},  {"K", 10},   {"M", 20},   {"G", 30},
             {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};

static int refuse(const struct px_option *row, const char *text, const char *problem,
                  const struct px_option_source *source, struct px_error *err)
{
    char range[256];

    px_option_range(row, range, sizeof range);
    const char *allowed = range[0] ? ", allowed: " : "";
    if (source->code == PX_E_INVALID)
        return px_fail(err, PX_E_INVALID, "%s: '%.80s' %s%s%s", row->name, text, problem, allowed,
                       range);
    return px_fail(err, source->code, "--%s: '%.80s' %s%s%s (%.160s)", row->name, text, problem,
                   allowed, range, source->name);
}

/* A decimal integer that fills the whole text. If it does not fit, errno is ERANGE and *value the
 * nearest that does. */
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

bool px_option_read_seed(const char *text, uint64_t *seed)
{
    uint64_t value;
    char *end;

    if (!read_unsigned(text, &value, &end) || *end)
        return false;
    *seed = value;
    return true;
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

/* Both limits are 0 if there is no range. */
static bool in_range(const struct px_option *row, double value)
{
    return row->min >= row->max || (value >= row->min && value <= row->max);
}

static const char outside[] = "is out of range";

static const char *store_int(const struct px_option *row, int64_t *field, const char *text)
{
    int64_t value;

    if (row->zero && strcmp(text, row->zero) == 0)
        text = "0";
    if (!read_int(text, &value))
        return "is not a whole number";
    if (errno == ERANGE || !in_range(row, (double)value))
        return outside;
    *field = value;
    return NULL;
}

static const char *store_bytes(const struct px_option *row, uint64_t *field, const char *text)
{
    uint64_t value;

    if (!read_bytes(text, &value))
        return "is not a size such as 65536, 64KiB, 20MiB or 1GiB";
    if (!in_range(row, (double)value))
        return outside;
    *field = value;
    return NULL;
}

static const char *store_number(const struct px_option *row, double *field, const char *text)
{
    double value;

    if (!read_number(text, &value))
        return "is not a number";
    if (!in_range(row, value))
        return outside;
    *field = value;
    return NULL;
}

bool px_option_list_init(struct px_option_list *list, size_t capacity, struct px_options *options)
{
    *list = (struct px_option_list){0};
    if (capacity)
        list->items = px_options_alloc(options, capacity * sizeof *list->items);
    return !capacity || list->items;
}

/* Items separated by commas or white space. */
static const char *store_list(struct px_option_list *field, const char *text,
                              struct px_options *options)
{
    static const char separators[] = ", \t\n";
    size_t size = strlen(text) + 1;
    char *copy = px_options_alloc(options, size);

    if (!copy || !px_option_list_init(field, size / 2, options))
        return "needs more memory than there is";
    memcpy(copy, text, size);
    for (char *rest, *item = strtok_r(copy, separators, &rest); item;
         item = strtok_r(NULL, separators, &rest)) {
        assert(field->count < size / 2); /* one byte and one separator each */
        field->items[field->count++] = item;
    }
    return NULL;
}

/* Parses into `field`; the problem in words, or NULL. */
static const char *store(const struct px_option *row, void *field, const char *text,
                         struct px_options *options)
{
    switch (row->type) {
    case PX_OPTION_FLAG:
        return read_flag(text, field) ? NULL : "is neither true nor false";
    case PX_OPTION_INT:
        return store_int(row, field, text);
    case PX_OPTION_BYTES:
        return store_bytes(row, field, text);
    case PX_OPTION_SEED:
        return px_option_read_seed(text, field)
                   ? NULL
                   : "is not a whole number from 0 to 18446744073709551615";
    case PX_OPTION_NUMBER:
        return store_number(row, field, text);
    case PX_OPTION_STRING:
        *(const char **)field = text;
        return NULL;
    case PX_OPTION_CHOICE:
        return read_choice(text, row->choices, field) ? NULL : "is not known";
    case PX_OPTION_LIST:
        assert(options); /* px_option_set() has no memory to give */
        return store_list(field, text, options);
    }
    return "is of no known type";
}

int px_option_assign(const struct px_option *row, void *settings, const char *text,
                     const struct px_option_source *source, struct px_error *err)
{
    const char *problem = store(row, (char *)settings + row->offset, text, source->options);

    return problem ? refuse(row, text, problem, source, err) : 0;
}

static void zero(const struct px_option *row, void *field)
{
    static const size_t sizes[] = {
        [PX_OPTION_FLAG] = sizeof(bool),      [PX_OPTION_INT] = sizeof(int64_t),
        [PX_OPTION_BYTES] = sizeof(uint64_t), [PX_OPTION_SEED] = sizeof(uint64_t),
        [PX_OPTION_NUMBER] = sizeof(double),  [PX_OPTION_STRING] = sizeof(const char *),
        [PX_OPTION_CHOICE] = sizeof(int),     [PX_OPTION_LIST] = sizeof(struct px_option_list),
    };

    assert((size_t)row->type < sizeof sizes / sizeof *sizes);
    memset(field, 0, sizes[row->type]); /* the bits of false, 0.0 and NULL, too */
}

int px_option_reset(const struct px_option *row, void *settings, struct px_options *options,
                    struct px_error *err)
{
    const struct px_option_source table = {PX_E_INTERNAL, "the default in the table", options};

    zero(row, (char *)settings + row->offset);
    return row->fallback ? px_option_assign(row, settings, row->fallback, &table, err) : 0;
}
