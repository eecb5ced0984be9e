#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

/* Options as tables. A program describes each option once, as a row: name, type, where it lives in
 * the settings struct, default, range, help. From the same rows come the command line, the
 * environment, the JSON file, the checks, the help text and the printed configuration.
 *
 * Order of precedence: command line, then environment, then file, then the default. Names are
 * written with hyphens; on the command line and in files underscores are accepted too, and case
 * matters. Both `--name value` and `--name=value` work; a flag is `--name` (or `--name=false`).
 * `--` ends options. Everything unknown is a USAGE error that names it and, where one is close, the
 * option that was probably meant; a wrong value is one that gives the option, the value, what is
 * allowed and where it came from. Not thread-safe while parsing; the filled struct is plain data.
 */

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
    PX_OPTION_STRING, /* const char *, points into argv, the environment or px_options' own memory
                       */
    PX_OPTION_CHOICE, /* int: the index into `choices` */
};

struct px_option {
    const char *name; /* "max-batch" */
    enum px_option_type type;
    size_t offset; /* offsetof(struct settings, field) */
    const char
        *fallback; /* the default as a user would write it; NULL: false, 0, NULL or first choice */
    double min, max;     /* INT, BYTES, NUMBER; both 0: whatever the type holds */
    const char *choices; /* CHOICE: "batch|running" */
    const char *value;   /* placeholder in the help: "DIR", "N"; NULL: by type */
    const char *help;    /* one sentence; range and default are appended by the help printer */

    /* Seldom set: write rows with designated initialisers. */
    char short_name;     /* 'o' for -o, which takes its value as `-o VALUE` or `-oVALUE`; 0: none */
    bool action;         /* an act, not a setting (--config, --check-config): command line only (the
                            config option: the environment too), never in files, not printed */
    const char *heading; /* printed above this row in the help, begins a group; NULL: none */
    const char *zero;    /* INT: a word that is taken for 0; NULL: none */
};

/* Options that another program has and people know, and what they are told to do instead. */
struct px_option_foreign {
    const char *names;   /* "dataroot", or several: "name|suffix" */
    const char *instead; /* "use --data DIR" */
};

struct px_option_table {
    const char *program;     /* "pix2pixd" */
    const char *usage;       /* text after the program's name: "[OPTIONS]" */
    const char *description; /* a few lines above the options in the help */
    const char *environment; /* "PIX2PIXD_" or NULL: no variables are read */
    const struct px_option *rows;
    size_t count;
    const struct px_option_foreign
        *foreign;                     /* for the command line; ends with names NULL; or NULL */
    int min_arguments, max_arguments; /* positional; max -1: any number */
};

/* What parsing leaves behind besides the settings; px_options_free() when the settings are no
 * longer used. */
struct px_options {
    const char *const *arguments; /* positional arguments, in order */
    size_t argument_count;
    bool help, version; /* --help or --version was given: nothing else was checked */
    void *memory;       /* internal */
};

/* Fills `settings` (a struct described by the table). A file is read where `config_option` (may be
 * NULL) names a STRING row ("config", an action) that the command line or environment sets. --help,
 * -h and --version are understood by every table.
 *
 * Options and arguments may be mixed, the last of several equal options counts. A value that begins
 * with '-' and is not a number is taken for a forgotten value: write it as --name=-value. Variables
 * that begin with table->environment must belong to an option; only those that Kubernetes makes for
 * a service of that name (..._SERVICE_HOST, ..._PORT_80_TCP) are skipped. In a file, null stands
 * for the default. On failure nothing is left to free. */
int px_options_parse(const struct px_option_table *table, void *settings, const char *config_option,
                     int argc, char *const *argv, struct px_options *options, struct px_error *err);
void px_options_free(struct px_options *options);

/* Sets one option from text, with the row's checks; for callers with their own syntax (HTTP
 * fields). `source` names where the value came from in messages ("field", "query"). STRING values
 * are not copied. INVALID instead of USAGE. */
int px_option_set(const struct px_option_table *table, void *settings, const char *name,
                  const char *value, const char *source, struct px_error *err);

/* Dropout as text: "off", or the seed it is drawn from. False where it is neither. */
bool px_option_dropout(const char *text, bool *on, uint64_t *seed);

void px_options_help(const struct px_option_table *table, FILE *out);
/* "pix2pixd 0.1.0" */
void px_options_version(const char *program, FILE *out);
/* The effective settings as a JSON object that --config reads back; IO where `out` fails, INVALID
 * where a string is not UTF-8 (-code, without a message). */
int px_options_print(const struct px_option_table *table, const void *settings, FILE *out);

#endif
