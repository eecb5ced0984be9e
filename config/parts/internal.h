#ifndef CONFIG_PARTS_INTERNAL_H
#define CONFIG_PARTS_INTERNAL_H

/* What the files of this room share (private to config/). Rows are found in parse.c, their values
 * stored in value.c and written in text.c, what the help says of them is in help.c; file.c,
 * environment.c and arguments.c read the three sources. */

#include "config/options.h"

/* Where a value came from, for messages. */
struct px_option_source {
    enum px_code code;          /* of the error: USAGE, or INVALID for px_option_set() */
    const char *name;           /* "command line", "PIX2PIXD_QUEUE", "/etc/x.json: queue" */
    struct px_options *options; /* memory for LIST values; NULL: they are not allowed */
};

/* One call of px_options_parse(). */
struct px_option_parse {
    const struct px_option_table *table;
    void *settings;
    const struct px_option *config; /* the row that names the file, or NULL */
    struct px_options *options;
    int argc;
    char *const *argv;
    const char **arguments; /* room for argc positional arguments */
    bool *begun;            /* (table->count): LIST rows that the command line has replaced */
};

/* The row of that name (hyphens and underscores are the same), or NULL. `length` bytes count. */
const struct px_option *px_option_find(const struct px_option_table *table, const char *name,
                                       size_t length);

/* Parses, checks and stores one value. STRING values are not copied; LIST values are split (as in a
 * variable) and copied. */
int px_option_assign(const struct px_option *row, void *settings, const char *text,
                     const struct px_option_source *source, struct px_error *err);

/* Stores the row's default. */
int px_option_reset(const struct px_option *row, void *settings, struct px_options *options,
                    struct px_error *err);

/* Makes a LIST an empty one with room for `capacity` items. False without memory. */
bool px_option_list_init(struct px_option_list *list, size_t capacity, struct px_options *options);

/* What the table says to give instead of a foreign option, or NULL. */
const char *px_option_instead(const struct px_option_table *table, const char *name);

/* The row whose name is probably meant, or NULL. */
const struct px_option *px_option_nearest(const struct px_option_table *table, const char *wanted);

/* "; did you mean 'PREFIXqueue'?" or "", in `text` (and returned). */
const char *px_option_hint(const struct px_option_table *table, const char *wanted,
                           const char *prefix, char text[static 128]);

/* "1..64", "at least 1", "batch|running" or "" for a row's allowed values. */
void px_option_range(const struct px_option *row, char *text, size_t size);

/* "DIR", "N", "" for a flag: what stands for the row's value in help and manual page. */
const char *px_option_placeholder(const struct px_option *row);

/* The row's sentence, then "(1..64, default 8)". */
void px_option_describe(const struct px_option *row, char *text, size_t size);

/* Memory that px_options_clear() frees; NULL if there is none. */
void *px_options_alloc(struct px_options *options, size_t size);

/* Each overwrites what it finds values for; all may run twice. */
int px_options_from_file(const struct px_option_parse *parse, const char *path,
                         struct px_error *err);
int px_options_from_environment(const struct px_option_parse *parse, struct px_error *err);
int px_options_from_arguments(const struct px_option_parse *parse, struct px_error *err);

#endif
