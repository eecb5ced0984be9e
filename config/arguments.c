/* The command line. */

#include <assert.h>
#include <string.h>

#include "config/parts/internal.h"

/* A separate argument that begins with '-' is the next option, not this one's value; "-" alone
 * (standard input by custom) and negative numbers are values. */
static bool is_value(const char *text)
{
    return text &&
           (text[0] != '-' || text[1] == 0 || (text[1] >= '0' && text[1] <= '9') || text[1] == '.');
}

static int unknown(const struct px_option_table *table, const char *argument, size_t length,
                   struct px_error *err)
{
    char name[128], hint[128];

    snprintf(name, sizeof name, "%.*s", (int)(length < 100 ? length : 100), argument);
    const char *bare = name + strspn(name, "-"), *instead = px_option_instead(table, bare);
    if (instead)
        return px_fail(err, PX_E_USAGE, "%s: %s", name, instead);
    if (px_option_hint(table, bare, "--", hint)[0])
        return px_fail(err, PX_E_USAGE, "unknown option '%s'%s", name, hint);
    return px_fail(err, PX_E_USAGE, "unknown option '%s' ('%s --help' lists the options)", name,
                   table->program);
}

/* Each occurrence of a LIST option is one item. */
static int add_item(const struct px_option_parse *parse, const struct px_option *row,
                    const char *value, struct px_error *err)
{
    struct px_option_list *list = (void *)((char *)parse->settings + row->offset);
    bool *begun = &parse->begun[row - parse->table->rows];

    if (!*begun && !px_option_list_init(list, (size_t)parse->argc, parse->options))
        return px_fail(err, PX_E_NOMEM, "no memory for the values of --%s", row->name);
    *begun = true;
    if (!*value) {
        list->count = 0;
        return 0;
    }
    assert(list->count < (size_t)parse->argc);
    list->items[list->count++] = value;
    return 0;
}

/* Takes `value`, or the next argument if it is NULL and the option is not a flag. */
static int take(const struct px_option_parse *parse, const struct px_option *row, const char *value,
                int *at, struct px_error *err)
{
    const struct px_option_source source = {PX_E_USAGE, "command line", parse->options};

    if (!value && row->type == PX_OPTION_FLAG)
        value = "true";
    if (!value) {
        const char *next = *at + 1 < parse->argc ? parse->argv[*at + 1] : NULL;
        if (!next)
            return px_fail(err, PX_E_USAGE, "--%s needs a value", row->name);
        if (!is_value(next))
            return px_fail(err, PX_E_USAGE,
                           "--%s needs a value (if '%.80s' is the value, write --%s=%.80s)",
                           row->name, next, row->name, next);
        value = next;
        ++*at;
    }
    if (row->type == PX_OPTION_LIST)
        return add_item(parse, row, value, err);
    return px_option_assign(row, parse->settings, value, &source, err);
}

static int take_long(const struct px_option_parse *parse, int *at, struct px_error *err)
{
    const char *argument = parse->argv[*at];
    size_t length = strcspn(argument, "=");
    const struct px_option *row = px_option_find(parse->table, argument + 2, length - 2);

    if (!row)
        return unknown(parse->table, argument, length, err);
    return take(parse, row, argument[length] ? argument + length + 1 : NULL, at, err);
}

static int take_short(const struct px_option_parse *parse, int *at, struct px_error *err)
{
    const struct px_option_table *table = parse->table;
    const char *argument = parse->argv[*at];
    const struct px_option *row = NULL;

    for (size_t i = 0; i < table->count && !row; i++)
        if (table->rows[i].short_name && table->rows[i].short_name == argument[1])
            row = &table->rows[i];
    if (!row || (row->type == PX_OPTION_FLAG && argument[2]))
        return unknown(table, argument, strlen(argument), err);
    return take(parse, row, argument[2] ? argument + 2 : NULL, at, err);
}

static int check_count(const struct px_option_parse *parse, size_t count, struct px_error *err)
{
    const struct px_option_table *table = parse->table;
    const char *usage = table->usage ? table->usage : "";

    if (count < (size_t)table->min_arguments)
        return px_fail(err, PX_E_USAGE, "an argument is missing; usage: %s %s", table->program,
                       usage);
    if (table->max_arguments >= 0 && count > (size_t)table->max_arguments)
        return px_fail(err, PX_E_USAGE, "unexpected argument '%.100s'; usage: %s %s",
                       parse->arguments[table->max_arguments], table->program, usage);
    return 0;
}

int px_options_from_arguments(const struct px_option_parse *parse, struct px_error *err)
{
    bool only_arguments = false;
    size_t count = 0;
    int rc = 0;

    memset(parse->begun, 0, parse->table->count * sizeof *parse->begun);
    for (int i = 1; i < parse->argc && !rc; i++) {
        const char *argument = parse->argv[i];
        if (only_arguments || argument[0] != '-' || argument[1] == 0)
            parse->arguments[count++] = argument;
        else if (strcmp(argument, "--") == 0)
            only_arguments = true;
        else if (argument[1] == '-')
            rc = take_long(parse, &i, err);
        else
            rc = take_short(parse, &i, err);
    }
    parse->options->arguments = parse->arguments;
    parse->options->argument_count = count;
    return rc ? rc : check_count(parse, count, err);
}
