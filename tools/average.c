/* pix2pix average: the mean of several checkpoints of one training. */

#include <stdlib.h>

#include "model/checkpoint/average.h"
#include "tools/verbs.h"

enum { MOST_INPUTS = 100 };

struct average_settings {
    const char *out;
};

static const struct px_option rows[] = {
    {.name = "out",
     .short_name = 'o',
     .type = PX_OPTION_STRING,
     .offset = offsetof(struct average_settings, out),
     .value = "OUT.safetensors",
     .help = "Write the mean into this file (required)"},
};

static const struct px_option_table table = {
    .program = "pix2pix average",
    .usage = "IN... --out OUT.safetensors",
    .description =
        "Writes the mean of the weights of several checkpoints of one training, in f32: less\n"
        "grain than any of them has. Give the last epochs, when the learning rate is low:\n"
        "NAME.epochs/ keeps them with --save-epoch-freq. The description is the last one's.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 1,
    .max_arguments = MOST_INPUTS,
};

static int average(const struct px_options *options, const char *out, const struct px_stop *stop,
                   struct px_error *err)
{
    struct px_checkpoint *checkpoints[MOST_INPUTS] = {NULL};
    size_t count = options->argument_count;
    int rc = 0;

    for (size_t i = 0; i < count && !rc; i++) {
        rc = px_stop_check(stop, err);
        if (!rc)
            rc = px_checkpoint_import(&checkpoints[i], options->arguments[i], NULL, err);
        if (!rc && px_checkpoint_dtype(checkpoints[i]) == PX_S8)
            rc = px_fail(err, PX_E_INVALID, "%s: is int8: average what it was made from",
                         options->arguments[i]);
    }
    if (!rc)
        rc = px_average_save(out, (const struct px_checkpoint *const *)checkpoints,
                             options->arguments, count, err);
    for (size_t i = 0; i < count; i++)
        px_checkpoint_close(checkpoints[i]);
    return rc;
}

int px_verb_average(const struct px_verb_call *call, struct px_error *err)
{
    struct average_settings settings;
    struct px_options options;
    int rc = px_verb_options(&table, &settings, call, &options, err);

    if (rc || options.topic)
        return rc;
    if (!settings.out)
        rc = px_fail(err, PX_E_USAGE, "--out is missing: the file to write");
    else if (options.argument_count < 2)
        rc = px_fail(err, PX_E_USAGE,
                     "%s: one checkpoint has no mean; give two or more of one training",
                     options.arguments[0]);
    else
        rc = average(&options, settings.out, call->stop, err);
    px_options_clear(&options);
    return rc;
}
