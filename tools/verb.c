#include "tools/verbs.h"

int px_verb_options(const struct px_option_table *table, void *settings, int argc,
                    char *const *argv, struct px_options *options, bool *done, struct px_error *err)
{
    int rc = px_options_parse(table, settings, NULL, argc, argv, options, err);

    *done = !rc && px_options_inform(table, options, stdout);
    return rc;
}
