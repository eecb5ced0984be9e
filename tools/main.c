/* pix2pix: the command line around the checkpoints. `pix2pix VERB ...`, one file per verb. */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/streams.h"
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
    {"average", "Average checkpoints of one training", px_verb_average},
    {"inspect", "Describe checkpoints", px_verb_inspect},
    {"evaluate", "Measure how good a checkpoint is on pairs of pictures", px_verb_evaluate},
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

static const struct verb *find_verb(const char *name)
{
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (strcmp(name, verb->name) == 0)
            return verb;
    return NULL;
}

int px_verb_options(const struct px_option_table *table, void *settings,
                    const struct px_verb_call *call, struct px_options *options,
                    struct px_error *err)
{
    struct px_option_table shown = *table;
    int rc = px_options_parse(table, settings, NULL, call->argc, call->argv, options, err);

    if (rc)
        return rc;
    shown.summary = find_verb(call->argv[0])->summary;
    px_options_inform(&shown, options, stdout);
    return 0;
}

/* The program's own options: --help, --help=man and --version. */
static int inform(char *const *argv, struct px_error *err)
{
    struct px_buffer text = {0};
    struct px_options options = {0};

    px_buffer_append_text(&text, "Tools for pix2pix checkpoints.\n\nVerbs:\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        px_buffer_appendf(&text, "  %-12s%s\n", verb->name, verb->summary);
    px_buffer_append_text(&text, "\n`pix2pix VERB --help` explains a verb.");
    const struct px_option_table table = {.program = "pix2pix",
                                          .summary = "tools for pix2pix checkpoints",
                                          .usage = "VERB [OPTIONS] ...",
                                          .description = px_buffer_text(&text)};
    int rc = text.failed ? px_fail(err, PX_E_NOMEM, "no memory for the help")
                         : px_options_parse(&table, NULL, NULL, 2, argv, &options, err);
    if (!rc && !px_options_inform(&table, &options, stdout))
        rc = px_fail(err, PX_E_USAGE, "a verb is missing ('pix2pix --help' lists the verbs)");
    px_options_clear(&options);
    px_buffer_clear(&text);
    return rc;
}

static int unknown_verb(const char *name, struct px_error *err)
{
    struct px_suggestion suggestion = {.wanted = name};

    for (const struct verb *verb = verbs; verb->name; verb++)
        px_suggestion_offer(&suggestion, verb->name);
    if (suggestion.best)
        return px_fail(err, PX_E_USAGE, "unknown verb '%.60s'; did you mean '%s'?", name,
                       suggestion.best);
    return px_fail(err, PX_E_USAGE, "unknown verb '%.60s' ('pix2pix --help' lists the verbs)",
                   name);
}

static int run(int argc, char *const *argv, struct px_error *err)
{
    const struct px_verb_call call = {argc - 1, argv + 1, &stop};

    if (argc < 2)
        return px_fail(err, PX_E_USAGE, "a verb is missing ('pix2pix --help' lists the verbs)");
    if (argv[1][0] == '-')
        return inform(argv, err);
    const struct verb *verb = find_verb(argv[1]);
    return verb ? verb->run(&call, err) : unknown_verb(argv[1], err);
}

int main(int argc, char **argv)
{
    struct px_error err = {0};

    px_streams_open();
    px_reexec_with_short_spin();
    catch_signals();
    int rc = run(argc, argv, &err);
    if (!rc)
        rc = px_flush_output(&err);
    if (rc)
        fprintf(stderr, "pix2pix: %s\n", err.message);
    return px_error_exit(rc);
}
