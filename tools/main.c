/* pix2pix: the command line around the checkpoints. `pix2pix VERB ...`, one file per verb. */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "config/suggest.h"
#include "model/dnn/omp_spin.h"
#include "tools/verbs.h"

struct verb {
    const char *name;
    const char *summary; /* one line for `pix2pix --help` */
    int (*run)(const struct px_verb_call *call, struct px_error *err);
};

static const struct verb verbs[] = {
    {"translate", "Translate pictures with a checkpoint", px_verb_translate},
    {"convert", "Convert checkpoints: safetensors, .pth, ONNX; f32, bf16, int8", px_verb_convert},
    {"inspect", "Describe a checkpoint", px_verb_inspect},
    {"bench", "Time the engine", px_verb_bench},
    {"dataset", "Draw pairs of pictures to train on", px_verb_dataset},
    {0},
};

static struct px_stop stop;

static void on_signal(int number)
{
    stop.signal = number;
}

/* The first signal asks the verb to stop, a second one ends the process at once. A file over the
 * size limit is a failed write with a message, not a death by SIGXFSZ. */
static void catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
}

int px_verb_options(const struct px_option_table *table, void *settings,
                    const struct px_verb_call *call, struct px_options *options,
                    struct px_error *err)
{
    int rc = px_options_parse(table, settings, NULL, call->argc, call->argv, options, err);

    if (!rc)
        px_options_inform(table, options, stdout);
    return rc;
}

static void print_help(FILE *out)
{
    fputs("Usage: pix2pix VERB [OPTIONS] ...\n\n"
          "Tools around pix2pix checkpoints.\n\nVerbs:\n",
          out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        fprintf(out, "  %-12s%s\n", verb->name, verb->summary);
    fputs("\n`pix2pix VERB --help` explains a verb; `pix2pix --version` shows the version.\n", out);
}

static int unknown_verb(const char *name, struct px_error *err)
{
    struct px_suggestion suggestion = {.wanted = name};

    for (const struct verb *verb = verbs; verb->name; verb++)
        px_suggestion_offer(&suggestion, verb->name);
    if (suggestion.best)
        return px_fail(err, PX_E_USAGE, "unknown verb '%.60s'; did you mean '%s'?", name,
                       suggestion.best);
    return px_fail(err, PX_E_USAGE, "unknown verb '%.60s' ('pix2pix --help' lists them)", name);
}

static int run(int argc, char *const *argv, struct px_error *err)
{
    const struct px_verb_call call = {argc - 1, argv + 1, &stop};

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
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (strcmp(argv[1], verb->name) == 0)
            return verb->run(&call, err);
    return unknown_verb(argv[1], err);
}

int main(int argc, char **argv)
{
    struct px_error err = {0};

    px_reexec_with_short_spin(argv);
    catch_signals();
    int rc = run(argc, argv, &err);
    if (!rc)
        rc = px_flush_output(&err);
    if (rc)
        fprintf(stderr, "pix2pix: %s\n", err.message);
    return px_error_exit(rc);
}
