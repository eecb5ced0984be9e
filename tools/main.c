/* pix2pix: the command line around the checkpoints. `pix2pix VERB ...`, one file a verb. */

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "config/options.h"
#include "config/suggest.h"
#include "model/dnn/omp_spin.h"
#include "tools/verbs.h"
#include "tools/work/stop.h"

static const struct px_verb verbs[] = {
    {"translate", "pictures through a checkpoint, offline", px_verb_translate},
    {"convert", "change the type that a checkpoint is stored in", px_verb_convert},
    {"inspect", "tell what a checkpoint is", px_verb_inspect},
    {"bench", "time the engine", px_verb_bench},
    {"dataset", "draw paired training pictures", px_verb_dataset},
    {0},
};

static void print_help(FILE *out)
{
    fputs("Usage: pix2pix VERB [OPTIONS] ...\n\n"
          "Tools around pix2pix checkpoints.\n\nVerbs:\n",
          out);
    for (const struct px_verb *verb = verbs; verb->name; verb++)
        fprintf(out, "  %-12s%s\n", verb->name, verb->summary);
    fputs("\n`pix2pix VERB --help` explains a verb; `pix2pix --version` shows the version.\n", out);
}

static int unknown_verb(const char *name, struct px_error *err)
{
    struct px_suggestion suggestion = {.wanted = name};

    for (const struct px_verb *verb = verbs; verb->name; verb++)
        px_suggestion_offer(&suggestion, verb->name);
    if (suggestion.best)
        return px_fail(err, PX_E_USAGE, "unknown verb '%.60s'; did you mean '%s'?", name,
                       suggestion.best);
    return px_fail(err, PX_E_USAGE, "unknown verb '%.60s' ('pix2pix --help' lists them)", name);
}

static int run(int argc, char *const *argv, struct px_error *err)
{
    if (argc < 2)
        return px_fail(err, PX_E_USAGE, "a verb is missing ('pix2pix --help' lists them)");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        px_options_version("pix2pix", stdout);
        return 0;
    }
    for (const struct px_verb *verb = verbs; verb->name; verb++)
        if (strcmp(argv[1], verb->name) == 0)
            return verb->run(argc - 1, argv + 1, err);
    return unknown_verb(argv[1], err);
}

int main(int argc, char **argv)
{
    struct px_error err = {0};

    px_reexec_with_short_spin(argv);
    px_stop_install();
    int rc = run(argc, argv, &err);
    if (!rc)
        rc = px_flush_output(&err);
    if (rc)
        fprintf(stderr, "pix2pix: %s\n", err.message);
    return px_error_exit(rc);
}
