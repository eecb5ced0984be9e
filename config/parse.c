/* The order of things: defaults, then the file, then the environment, then the command line. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/parts/internal.h"
#include "config/suggest.h"

struct memory_block { /* a list of allocations: px_options.memory */
    struct memory_block *next;
    max_align_t bytes[];
};

void *px_options_alloc(struct px_options *options, size_t size)
{
    struct memory_block *block = size < SIZE_MAX / 2 ? malloc(sizeof *block + size) : NULL;

    if (!block)
        return NULL;
    block->next = options->memory;
    options->memory = block;
    return block->bytes;
}

void px_options_clear(struct px_options *options)
{
    struct memory_block *block = options ? options->memory : NULL;

    while (block) {
        struct memory_block *next = block->next;
        free(block);
        block = next;
    }
    if (options)
        memset(options, 0, sizeof *options);
}

/* Whether they begin with the same `length` characters, hyphens and underscores being the same. */
static bool same_name(const char *row, const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char a = row[i] == '_' ? '-' : row[i];
        char b = name[i] == '_' ? '-' : name[i];
        if (!a || a != b)
            return false;
    }
    return true;
}

const struct px_option *px_option_find(const struct px_option_table *table, const char *name,
                                       size_t length)
{
    for (size_t i = 0; i < table->count; i++)
        if (same_name(table->rows[i].name, name, length) && !table->rows[i].name[length])
            return &table->rows[i];
    return NULL;
}

const char *px_option_instead(const struct px_option_table *table, const char *name)
{
    size_t length = strlen(name);

    for (const struct px_option_foreign *f = table->foreign; f && f->names; f++)
        for (const char *word = f->names; *word; word += *word == '|') {
            size_t n = strcspn(word, "|");
            if (n == length && same_name(word, name, n))
                return f->instead;
            word += n;
        }
    return NULL;
}

const struct px_option *px_option_nearest(const struct px_option_table *table, const char *wanted)
{
    char name[128];
    struct px_suggestion suggestion = {.wanted = name};

    snprintf(name, sizeof name, "%s", wanted);
    for (char *p = name; *p; p++)
        if (*p == '_')
            *p = '-';
    for (size_t i = 0; i < table->count; i++)
        px_suggestion_offer(&suggestion, table->rows[i].name);
    return suggestion.best ? px_option_find(table, suggestion.best, strlen(suggestion.best)) : NULL;
}

const char *px_option_hint(const struct px_option_table *table, const char *wanted,
                           const char *prefix, char text[static 128])
{
    const struct px_option *near = px_option_nearest(table, wanted);

    text[0] = 0;
    if (near)
        snprintf(text, 128, "; did you mean '%s%s'?", prefix, near->name);
    return text;
}

int px_option_set(const struct px_option_table *table, void *settings, const char *name,
                  const char *value, const char *source, struct px_error *err)
{
    const struct px_option_source from = {PX_E_INVALID, source, NULL};
    const struct px_option *row = px_option_find(table, name, strlen(name));
    char hint[128];

    if (!row)
        return px_fail(err, PX_E_INVALID, "unknown %.60s '%.80s'%s", source, name,
                       px_option_hint(table, name, "", hint));
    return px_option_assign(row, settings, value, &from, err);
}

/* --help, -h or --version anywhere before `--`: no option's value can be spelt like that, see
 * arguments.c. */
static enum px_options_topic find_topic(int argc, char *const *argv)
{
    enum px_options_topic topic = PX_TOPIC_NONE;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return PX_TOPIC_HELP;
        if (strcmp(argv[i], "--help=man") == 0)
            return PX_TOPIC_MAN;
        if (strcmp(argv[i], "--version") == 0)
            topic = PX_TOPIC_VERSION;
    }
    return topic;
}

bool px_options_inform(const struct px_option_table *table, const struct px_options *options,
                       FILE *out)
{
    switch (options->topic) {
    case PX_TOPIC_NONE:
        return false;
    case PX_TOPIC_HELP:
        px_options_help(table, out);
        break;
    case PX_TOPIC_MAN:
        px_options_man(table, out);
        break;
    case PX_TOPIC_VERSION:
        px_options_version(table->program, out);
        break;
    }
    return true;
}

/* Environment and command line, which also say where the file is. */
static int apply_outer(const struct px_option_parse *parse, struct px_error *err)
{
    int rc = px_options_from_environment(parse, err);

    return rc ? rc : px_options_from_arguments(parse, err);
}

static int apply(const struct px_option_parse *parse, struct px_error *err)
{
    const struct px_option_table *table = parse->table;
    const char *path;

    for (size_t i = 0; i < table->count; i++) {
        int rc = px_option_reset(&table->rows[i], parse->settings, parse->options, err);
        if (rc)
            return rc;
    }
    int rc = apply_outer(parse, err);
    if (rc || !parse->config)
        return rc;
    path = *(const char *const *)((const char *)parse->settings + parse->config->offset);
    if (!path)
        return 0;
    rc = px_options_from_file(parse, path, err);
    return rc ? rc : apply_outer(parse, err); /* over the file's values */
}

int px_options_parse(const struct px_option_table *table, void *settings, const char *config_option,
                     int argc, char *const *argv, struct px_options *options, struct px_error *err)
{
    struct px_option_parse parse = {
        .table = table, .settings = settings, .options = options, .argc = argc, .argv = argv};

    *options = (struct px_options){.topic = find_topic(argc, argv)};
    if (options->topic != PX_TOPIC_NONE)
        return 0;
    if (config_option) {
        parse.config = px_option_find(table, config_option, strlen(config_option));
        assert(parse.config && parse.config->type == PX_OPTION_STRING && parse.config->action);
    }
    parse.arguments = px_options_alloc(options, ((size_t)argc + 1) * sizeof *parse.arguments);
    parse.begun = px_options_alloc(options, table->count * sizeof *parse.begun);
    int rc = parse.arguments && parse.begun
                 ? apply(&parse, err)
                 : px_fail(err, PX_E_NOMEM, "no memory for %d arguments", argc);
    if (rc)
        px_options_clear(options);
    return rc;
}
