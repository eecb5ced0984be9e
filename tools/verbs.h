#ifndef TOOLS_VERBS_H
#define TOOLS_VERBS_H

/* The verbs of `pix2pix`, one file each. main.c lists them; argv[0] is the verb itself. A verb
 * returns 0 or a negative code with its message in *err, prints results on standard output and
 * nothing else. */

#include <stdbool.h>

#include "base/error.h"
#include "config/options.h"

struct px_verb {
    const char *name;
    const char *summary; /* one line for `pix2pix --help` */
    int (*run)(int argc, char *const *argv, struct px_error *err);
};

/* px_options_parse(), and the answer to --help and --version: *done is true where one of them was
 * printed and the verb has only to return 0. */
int px_verb_options(const struct px_option_table *table, void *settings, int argc,
                    char *const *argv, struct px_options *options, bool *done,
                    struct px_error *err);

int px_verb_translate(int argc, char *const *argv, struct px_error *err);
int px_verb_convert(int argc, char *const *argv, struct px_error *err);
int px_verb_inspect(int argc, char *const *argv, struct px_error *err);
int px_verb_bench(int argc, char *const *argv, struct px_error *err);
int px_verb_dataset(int argc, char *const *argv, struct px_error *err);

#endif
