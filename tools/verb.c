#include "tools/verbs.h"

int px_verb_options(const struct px_option_table *table, void *settings, int argc,
                    char *const *argv, struct px_options *options, bool *done, struct px_error *err)
{
    int rc = px_options_parse(table, settings, NULL, argc, argv, options, err);

    *done = !rc && (options->help || options->version);
    if (*done && options->help)
        px_options_help(table, stdout);
    else if (*done)
        px_options_version("pix2pix", stdout);
    return rc;
}
