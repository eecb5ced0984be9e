#ifndef TOOLS_VERBS_H
#define TOOLS_VERBS_H

/* The verbs of `pix2pix`, one file each (translate.c, convert.c, average.c, inspect.c,
 * bench.c, evaluate.c, dataset.c), and what main.c gives them. A verb returns 0 or a negative
 * code with its message in *err, prints its results on standard output and nothing else there. */

#include "base/error.h"
#include "config/options.h"
#include "tools/work/stop.h"

/* What a verb is called with; borrowed from main(). */
struct px_verb_call {
    int argc;
    char *const *argv; /* argv[0] is the verb itself */
    const struct px_stop *stop;
};

/* px_options_parse() of the call. Also prints the answer to --help and --version: if options->topic
 * is set, the verb has nothing left to do, and nothing to free. */
int px_verb_options(const struct px_option_table *table, void *settings,
                    const struct px_verb_call *call, struct px_options *options,
                    struct px_error *err);

int px_verb_translate(const struct px_verb_call *call, struct px_error *err);
int px_verb_convert(const struct px_verb_call *call, struct px_error *err);
int px_verb_average(const struct px_verb_call *call, struct px_error *err);
int px_verb_inspect(const struct px_verb_call *call, struct px_error *err);
int px_verb_bench(const struct px_verb_call *call, struct px_error *err);
int px_verb_evaluate(const struct px_verb_call *call, struct px_error *err);
int px_verb_dataset(const struct px_verb_call *call, struct px_error *err);

#endif
