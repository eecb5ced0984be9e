#ifndef CONFIG_INTERNAL_H
#define CONFIG_INTERNAL_H

/* What the files of this room share; nobody else includes it. */

#include "config/options.h"

/* Where a value came from, for messages. */
struct source {
    enum px_code code; /* of the error: USAGE, or INVALID for px_option_set() */
    const char *name;  /* "command line", "PIX2PIXD_QUEUE", "/etc/x.json: queue" */
};

/* The row of that name (hyphens and underscores are the same), or NULL. `length` bytes count. */
const struct px_option *px_option_find(const struct px_option_table *table, const char *name,
                                       size_t length);

/* Parses, checks and stores one value. STRING values are not copied. */
int px_option_assign(const struct px_option *row, void *settings, const char *text,
                     const struct source *source, struct px_error *err);

/* Stores the row's default. */
int px_option_reset(const struct px_option *row, void *settings, struct px_error *err);

/* What the table says to give instead of a foreign option, or NULL. */
const char *px_option_instead(const struct px_option_table *table, const char *name);

/* The row whose name is probably meant, or NULL. */
const struct px_option *px_option_nearest(const struct px_option_table *table, const char *wanted);

/* "; did you mean 'PREFIXqueue'?" or "", in `text` (and returned). */
const char *px_option_hint(const struct px_option_table *table, const char *wanted,
                           const char *prefix, char text[static 128]);

/* "1..64", "at least 1", "batch|running" or "" for a row's allowed values. */
void px_option_range(const struct px_option *row, char *text, size_t size);

/* Bytes in the largest unit that divides them: "20MiB". */
void px_option_bytes_text(uint64_t value, char *text, size_t size);

/* memory that px_options_free() frees; NULL when there is none */
void *px_options_alloc(struct px_options *options, size_t size);

struct command_line {
    int argc;
    char *const *argv;
    const char **arguments; /* room for argc positional arguments */
    struct px_options *options;
};

/* Each overwrites what it finds values for; all may run twice. `config`: the row that names the
 * file, or NULL. */
int px_options_from_file(const struct px_option_table *table, void *settings, const char *path,
                         struct px_options *options, struct px_error *err);
int px_options_from_environment(const struct px_option_table *table, void *settings,
                                const struct px_option *config, struct px_error *err);
int px_options_from_arguments(const struct px_option_table *table, void *settings,
                              const struct command_line *line, struct px_error *err);

#endif
