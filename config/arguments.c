/* The command line. */

#include <string.h>

#include "config/internal.h"

static const struct source command_line_source = {PX_E_USAGE, "command line"};

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
    px_option_hint(table, bare, "--", hint);
    return px_fail(err, PX_E_USAGE, "unknown option '%s'%s%s%s%s", name, hint, hint[0] ? "" : " ('",
                   hint[0] ? "" : table->program, hint[0] ? "" : " --help' lists them)");
}

/* Takes `value`, or the next argument where it is NULL and the option is not a flag. */
static int take(const struct px_option *row, const char *value, void *settings,
                const struct command_line *line, int *at, struct px_error *err)
{
    if (!value && row->type == PX_OPTION_FLAG)
        value = "true";
    if (!value) {
        const char *next = *at + 1 < line->argc ? line->argv[*at + 1] : NULL;
        if (!is_value(next))
            return px_fail(err, PX_E_USAGE, "--%s needs a value%s%.80s%s", row->name,
                           next ? " (one that looks like an option is written --name=" : "",
                           next ? next : "", next ? ")" : "");
        value = next;
        ++*at;
    }
    return px_option_assign(row, settings, value, &command_line_source, err);
}

static int take_long(const struct px_option_table *table, void *settings,
                     const struct command_line *line, int *at, struct px_error *err)
{
    const char *argument = line->argv[*at];
    size_t length = strcspn(argument, "=");
    const struct px_option *row = px_option_find(table, argument + 2, length - 2);

    if (!row)
        return unknown(table, argument, length, err);
    return take(row, argument[length] ? argument + length + 1 : NULL, settings, line, at, err);
}

static int take_short(const struct px_option_table *table, void *settings,
                      const struct command_line *line, int *at, struct px_error *err)
{
    const char *argument = line->argv[*at];
    const struct px_option *row = NULL;

    for (size_t i = 0; i < table->count && !row; i++)
        if (table->rows[i].short_name && table->rows[i].short_name == argument[1])
            row = &table->rows[i];
    if (!row || (row->type == PX_OPTION_FLAG && argument[2]))
        return unknown(table, argument, strlen(argument), err);
    return take(row, argument[2] ? argument + 2 : NULL, settings, line, at, err);
}

static int check_count(const struct px_option_table *table, size_t count,
                       const struct command_line *line, struct px_error *err)
{
    const char *usage = table->usage ? table->usage : "";

    if (count < (size_t)table->min_arguments)
        return px_fail(err, PX_E_USAGE, "an argument is missing; usage: %s %s", table->program,
                       usage);
    if (table->max_arguments >= 0 && count > (size_t)table->max_arguments)
        return px_fail(err, PX_E_USAGE, "unexpected argument '%.100s'; usage: %s %s",
                       line->arguments[table->max_arguments], table->program, usage);
    return 0;
}

int px_options_from_arguments(const struct px_option_table *table, void *settings,
                              const struct command_line *line, struct px_error *err)
{
    bool only_arguments = false;
    size_t count = 0;
    int rc = 0;

    for (int i = 1; i < line->argc && !rc; i++) {
        const char *argument = line->argv[i];
        if (only_arguments || argument[0] != '-' || argument[1] == 0)
            line->arguments[count++] = argument;
        else if (strcmp(argument, "--") == 0)
            only_arguments = true;
        else if (argument[1] == '-')
            rc = take_long(table, settings, line, &i, err);
        else
            rc = take_short(table, settings, line, &i, err);
    }
    line->options->arguments = line->arguments;
    line->options->argument_count = count;
    return rc ? rc : check_count(table, count, line, err);
}
