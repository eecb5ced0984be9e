#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

/* Options as tables. A program describes each option once, as a row: name, type, its field in the
 * settings struct, default, range, help. From the same rows come the command line, the environment,
 * the JSON file, the checks, the help text, the manual page and the printed configuration.
 *
 * Order of precedence: command line, then environment, then file, then the default. Names are
 * written with hyphens; on the command line and in files underscores are accepted too, and case
 * matters. Both `--name value` and `--name=value` work; a flag is `--name` (or `--name=false`).
 * `--` ends options. Everything unknown is a USAGE error that names it and, if one is close, the
 * option that was probably meant; a wrong value is a USAGE error with the option, the value, what
 * is allowed and where it came from.
 *
 * Reading is in parse.c (and value.c for one value), what is written in text.c, help.c, man.c and
 * print.c.
 *
 * Life cycle: px_options_parse() fills a settings struct and a px_options; px_options_clear() when
 * the settings are no longer used. Not thread-safe while parsing; the settings are plain data. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum px_option_type {
    PX_OPTION_FLAG,   /* bool */
    PX_OPTION_INT,    /* int64_t, min..max */
    PX_OPTION_BYTES,  /* uint64_t, accepts KiB MiB GiB (and K M G) suffixes, min..max */
    PX_OPTION_SEED,   /* uint64_t, the whole range */
    PX_OPTION_NUMBER, /* double, min..max */
    PX_OPTION_STRING, /* const char *; into argv, the environment or the memory of px_options */
    PX_OPTION_CHOICE, /* int: the index into `choices` */
    PX_OPTION_LIST,   /* struct px_option_list */
};

/* Several strings. On the command line the option is repeated, once an item, and `--name=` empties
 * the list; a variable and a default separate items by commas or spaces; a file has an array of
 * strings, or a string as in a variable. A source replaces the whole list of those below it. */
struct px_option_list {
    const char **items; /* owned by the px_options, as the strings may be; NULL if empty */
    size_t count;
};

struct px_option {
    const char *name; /* "max-batch" */
    enum px_option_type type;
    size_t offset;        /* offsetof(struct settings, field) */
    const char *fallback; /* the default as a user would write it; NULL: false, 0, NULL, the first
                             choice or no items */
    double min, max;      /* INT, BYTES, NUMBER; both 0: whatever the type holds */
    const char *choices;  /* CHOICE: "batch|running" */
    const char *value;    /* placeholder in the help: "DIR", "N"; NULL: by type */
    const char *help; /* an imperative or a noun phrase with a capital and without a full stop at
                         its end ("Refuse larger bodies with 413"); may go on with sentences. The
                         help printer appends range and default */

    /* Seldom set: write rows with designated initialisers. */
    char short_name;     /* 'o' for -o, which takes its value as `-o VALUE` or `-oVALUE`; 0: none */
    bool action;         /* a command, not a setting (--config, --check-config): command line only
                            (the config option: the environment too), never in files, not printed */
    const char *heading; /* begins a group in the help, above this row; NULL: none */
    const char *zero;    /* INT: a word that means 0; NULL: none */
};

/* Options of another program that people know, and what to do instead. */
struct px_option_foreign {
    const char *names;   /* "dataroot", or several: "name|suffix" */
    const char *instead; /* "use --data DIR" */
};

struct px_option_table {
    const char *program;     /* "pix2pixd", "pix2pix translate" */
    const char *summary;     /* for the manual page: "serve pix2pix models over HTTP" */
    const char *usage;       /* text after the program's name: "[OPTIONS]" */
    const char *description; /* a few lines above the options in the help */
    const char *environment; /* "PIX2PIXD_" or NULL: no variables are read */
    const struct px_option *rows;
    size_t count;
    const struct px_option_foreign
        *foreign;                     /* for the command line; ends with names NULL; or NULL */
    int min_arguments, max_arguments; /* positional; max -1: any number */
};

enum px_options_topic {
    PX_TOPIC_NONE,
    PX_TOPIC_HELP,    /* --help, -h */
    PX_TOPIC_MAN,     /* --help=man */
    PX_TOPIC_VERSION, /* --version */
};

/* What parsing leaves behind besides the settings. */
struct px_options {
    const char *const *arguments; /* positional arguments, in order */
    size_t argument_count;
    enum px_options_topic topic; /* not NONE: nothing else was checked, the settings are not set */
    void *memory;                /* internal */
};

/* Fills `settings` (a struct described by the table). If `config_option` (may be NULL) names a
 * STRING row that is an action ("config"), and the command line or environment sets it, that file
 * is read too. Every table understands --help, -h and --version; they win over mistakes.
 *
 * Options and arguments may be mixed; the last of several equal options counts (but see
 * PX_OPTION_LIST). A value that begins with '-' and is not a number is taken for a forgotten value:
 * write it as --name=-value. Variables that begin with table->environment must belong to an option,
 * except those that Kubernetes makes for services whose names begin like the program's
 * (PIX2PIXD_CANARY_SERVICE_HOST, PIX2PIXD_PORT_80_TCP, ...), which are ignored. In a file, null
 * means the default. On failure nothing is left to clear. */
int px_options_parse(const struct px_option_table *table, void *settings, const char *config_option,
                     int argc, char *const *argv, struct px_options *options, struct px_error *err);
void px_options_clear(struct px_options *options); /* accepts NULL and an already cleared one */

/* Prints what --help, --help=man or --version asks for; false, without output, if none was given.
 */
bool px_options_inform(const struct px_option_table *table, const struct px_options *options,
                       FILE *out);

/* Sets one option from text, with the row's checks; for callers with their own syntax (HTTP
 * fields). `source` says in messages what has the name ("field", "query"). STRING values
 * are not copied; LIST rows cannot be set. INVALID instead of USAGE. */
int px_option_set(const struct px_option_table *table, void *settings, const char *name,
                  const char *value, const char *source, struct px_error *err);

/* A whole number of the range of PX_OPTION_SEED, for callers with their own syntax. */
bool px_option_read_seed(const char *text, uint64_t *seed);

/* The current value as a user would write it: "20MiB", "0.0002", "running"; "" for NULL and for an
 * empty list, commas between the items of others. Reads back as the same value. False if it does
 * not fit; the text is then cut. */
bool px_option_text(const struct px_option *row, const void *settings, char *text, size_t size);

/* Whether the value is the one that the row has by default. */
bool px_option_is_default(const struct px_option *row, const void *settings);

void px_options_help(const struct px_option_table *table, FILE *out);
/* The manual page in troff's man macros. */
void px_options_man(const struct px_option_table *table, FILE *out);
/* "pix2pixd 0.1.0"; for a command, "pix2pix translate", the first word counts. */
void px_options_version(const char *program, FILE *out);
/* The effective settings as a JSON object that --config reads back; IO if `out` fails, INVALID if a
 * string is not UTF-8 (-code, without a message). */
int px_options_print(const struct px_option_table *table, const void *settings, FILE *out);

#endif
