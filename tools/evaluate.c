/* pix2pix evaluate: how good is a model? */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "codecs/codec.h"
#include "model/network/dtype.h"
#include "tools/evaluate/check.h"
#include "tools/evaluate/epochs.h"
#include "tools/evaluate/evaluation.h"
#include "tools/evaluate/page.h"
#include "tools/evaluate/results.h"
#include "tools/verbs.h"
#include "tools/work/folder.h"
#include "tools/work/translator.h"
#include "tools/work/writable.h"
#include "translate/half.h"
#include "translate/translate.h"

struct evaluate_settings {
    struct px_option_list models;
    const char *data, *phase, *out, *json, *segmenter, *palette, *dropout, *results, *epochs;
    int fit, norm, dtype, direction;
    int64_t count, threads;
};

#define AT(field) offsetof(struct evaluate_settings, field)

static const struct px_option rows[] = {
    {.name = "model",
     .short_name = 'm',
     .type = PX_OPTION_LIST,
     .offset = AT(models),
     .value = "FILE",
     .help = "Evaluate this checkpoint; several, in one table, by repeating the option (required)"},
    {.name = "epoch",
     .type = PX_OPTION_STRING,
     .offset = AT(epochs),
     .value = "N,M...",
     .help = "Instead of --model NAME.safetensors itself evaluate what its training kept of these "
             "epochs in NAME.epochs/, in one table; 'latest' is the model itself"},
    {.name = "data",
     .type = PX_OPTION_STRING,
     .offset = AT(data),
     .value = "DIR",
     .help =
         "Take the pictures of this data set, in any layout that pix2pix-train reads: pairs A|B "
         "side by side, or in two folders (required). Single pictures, not twice as wide as "
         "high, are translated and shown without metrics"},
    {.name = "phase",
     .type = PX_OPTION_STRING,
     .offset = AT(phase),
     .fallback = "val",
     .value = "NAME",
     .help = "Take DIR/NAME, DIR/NAMEA with DIR/NAMEB, or DIR/A/NAME with DIR/B/NAME; '' takes DIR "
             "itself"},
    {.name = "num-test",
     .type = PX_OPTION_INT,
     .offset = AT(count),
     .fallback = "0",
     .min = 0,
     .max = 100000000,
     .zero = "all",
     .help = "Take only the first N pictures by name"},
    {.name = "out",
     .short_name = 'o',
     .type = PX_OPTION_STRING,
     .offset = AT(out),
     .value = "REPORT.html",
     .help = "Write the report: the table, colour distributions, and every picture as input, "
             "answers and target, sortable by each metric"},
    {.name = "json",
     .type = PX_OPTION_STRING,
     .offset = AT(json),
     .value = "FILE",
     .help = "Write the results as JSON"},
    {.name = "results-dir",
     .type = PX_OPTION_STRING,
     .offset = AT(results),
     .value = "DIR",
     .help = "Write each answer as DIR/NAME.png or, of several models, as DIR/MODEL/NAME.png"},
    {.name = "segmenter",
     .type = PX_OPTION_STRING,
     .offset = AT(segmenter),
     .value = "FILE",
     .help = "For models that read label maps: read the labels back from the answers with this "
             "checkpoint, which turns B into A, and print the FCN-score. Models that make label "
             "maps are compared with the true ones without it"},
    {.name = "palette",
     .type = PX_OPTION_STRING,
     .offset = AT(palette),
     .value = "NAME|FILE",
     .help =
         "Classes of label maps and their colours: cmp, cityscapes, or a JSON file "
         "{\"palette\": [{\"name\": \"sky\", \"colour\": \"#00aaff\"}, ...]}. Default: the palette "
         "that a model has, or else the segmenter, or else cmp. Classes called void, or void: "
         "and more, are not scored"},
    {.name = "fit",
     .type = PX_OPTION_CHOICE,
     .offset = AT(fit),
     .choices = PX_FIT_CHOICES,
     .help = "Size to translate at, as for `pix2pix translate`; targets are scaled to the answers"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = AT(norm),
     .choices = PX_NORM_CHOICES,
     .help = "Statistics to normalise by, as for `pix2pix translate`"},
    {.name = "dropout",
     .type = PX_OPTION_STRING,
     .offset = AT(dropout),
     .fallback = "off",
     .value = "off|SEED",
     .help = "Draw dropout from this seed"},
    {.name = "direction",
     .type = PX_OPTION_CHOICE,
     .offset = AT(direction),
     .choices = PX_DIRECTION_CHOICES,
     .help = "Translate A into B (AtoB) or B into A (BtoA), not as the model was trained"},
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = AT(dtype),
     .choices = PX_DTYPE_CHOICES,
     .help = "Compute in this type"},
    {.name = "threads",
     .type = PX_OPTION_INT,
     .offset = AT(threads),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "Use this many threads; 0: one per CPU"},
};

static const struct px_option_foreign foreign[] = {
    {"dataroot", "use --data DIR"},
    {"eval", "use --norm running"},
    {"name|checkpoints-dir",
     "use --model FILE, once for each checkpoint; `pix2pix convert` makes it from a .pth"},
    {NULL, NULL},
};

static const struct px_option_table table = {
    .program = "pix2pix evaluate",
    .usage = "--model NAME.safetensors --data DIR [OPTIONS]",
    .description =
        "Runs every pair of a data set through one or more models and prints L1, PSNR, SSIM and\n"
        "MS-SSIM, each beside what the mean colour of the training targets and the input itself\n"
        "would score, and how much the distributions of Lab colours have in common.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .foreign = foreign,
};

static int open_model(struct px_translator *t, struct px_engine *engine,
                      const struct evaluate_settings *s, const char *path, struct px_error *err)
{
    t->engine = engine;
    return px_tool_load_translator(t, path, (enum px_dtype)s->dtype, (enum px_norm_choice)s->norm,
                                   err);
}

/* Models of one table read and make the same kind of pictures. */
static int check_alike(const struct px_evaluation *e, struct px_error *err)
{
    const struct px_network *first = px_model_network(e->models[0].translator.model);

    for (int i = 1; i < e->model_count; i++) {
        const struct px_network *other = px_model_network(e->models[i].translator.model);

        if (other->input_nc != first->input_nc || other->output_nc != first->output_nc ||
            strcmp(other->direction, first->direction) != 0)
            return px_fail(err, PX_E_USAGE,
                           "%s goes %s with %d to %d channels, %s %s with %d to %d: evaluate them "
                           "one by one",
                           e->models[0].path, first->direction, first->input_nc, first->output_nc,
                           e->models[i].path, other->direction, other->input_nc, other->output_nc);
    }
    return 0;
}

static int check_segmenter(const struct px_evaluation *e, const char *path, struct px_error *err)
{
    const struct px_network *n = px_model_network(e->segmenter.model);

    if (n->input_nc == 3 && n->output_nc == 3)
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "%s maps %d channels to %d: a segmenter maps RGB pictures to RGB label maps",
                   path, n->input_nc, n->output_nc);
}

/* The palette that was asked for, or the one in a card. */
static int choose_palette(struct px_evaluation *e, const struct evaluate_settings *s,
                          struct px_error *err)
{
    bool found;

    e->wants_labels = s->palette && *s->palette;
    if (e->wants_labels)
        return px_palette_open(&e->palette, s->palette, err);
    int rc = px_palette_of_model(&e->palette, e->models[0].translator.model, e->models[0].path,
                                 &found, err);
    if (!rc && !found && e->segmenter.model)
        rc = px_palette_of_model(&e->palette, e->segmenter.model, s->segmenter, &found, err);
    return rc || found ? rc : px_palette_open(&e->palette, "cmp", err);
}

static int open_models(struct px_evaluation *e, struct px_engine *engine,
                       const struct evaluate_settings *s, struct px_error *err)
{
    int rc = 0;

    for (int i = 0; i < e->model_count && !rc; i++)
        rc = open_model(&e->models[i].translator, engine, s, e->models[i].path, err);
    if (!rc)
        rc = check_alike(e, err);
    if (!rc && s->segmenter) {
        rc = open_model(&e->segmenter, engine, s, s->segmenter, err);
        if (!rc)
            rc = check_segmenter(e, s->segmenter, err);
    }
    if (!rc)
        rc = choose_palette(e, s, err);
    if (rc)
        return rc;
    e->right = px_half_choose((enum px_direction_choice)s->direction,
                              px_model_network(e->models[0].translator.model)->direction);
    return 0;
}

static void close_models(struct px_evaluation *e)
{
    for (int i = 0; i < e->model_count; i++)
        px_model_unref(e->models[i].translator.model);
    px_model_unref(e->segmenter.model);
}

static void show(size_t done, size_t count, int64_t *drawn)
{
    if (!isatty(STDERR_FILENO) || (done < count && px_ms_since(*drawn) < 100))
        return;
    *drawn = px_now_ns();
    fprintf(stderr, "\r%zu/%zu pictures%s", done, count, done == count ? "\n" : "");
}

/* The folder of a model's answers. */
static int answers_folder(const struct px_evaluation *e, const char *results, int m,
                          char folder[static PX_PATH_MAX], struct px_error *err)
{
    const char *path = e->models[m].path;

    if (e->model_count == 1)
        return px_path_format(folder, err, "%s", results);
    return px_path_format(folder, err, "%s/%.*s", results, (int)px_path_stem_length(path),
                          px_path_name(path));
}

static int save_answer(const char *folder, const char *name, const struct px_image *answer,
                       struct px_error *err)
{
    char path[PX_PATH_MAX], out[PX_PATH_MAX];
    int rc = px_path_join(path, folder, name, err);

    if (!rc)
        rc = px_path_with_suffix(out, path, ".png", err);
    if (!rc && strchr(name, '/')) { /* of a folder below */
        *(char *)strrchr(path, '/') = '\0';
        rc = px_make_folder(path, err);
    }
    return rc ? rc : px_image_save(out, answer, 90, err);
}

static int save_answers(const struct px_evaluation *e, const char *results, const char *name,
                        const struct px_image *answers, struct px_error *err)
{
    char folder[PX_PATH_MAX];
    int rc = 0;

    for (int m = 0; m < e->model_count && !rc; m++) {
        rc = answers_folder(e, results, m, folder, err);
        if (!rc)
            rc = save_answer(folder, name, &answers[m], err);
    }
    return rc;
}

static int check_folders(const struct px_evaluation *e, const char *results, struct px_error *err)
{
    char folder[PX_PATH_MAX], other[PX_PATH_MAX];
    int rc = 0;

    for (int m = 1; m < e->model_count && !rc; m++)
        for (int i = 0; i < m && !rc; i++) {
            if ((rc = answers_folder(e, results, m, folder, err)) != 0 ||
                (rc = answers_folder(e, results, i, other, err)) != 0)
                return rc;
            if (strcmp(folder, other) == 0)
                rc = px_fail(err, PX_E_USAGE,
                             "--results-dir: the answers of %s and %s would both be in %s: "
                             "evaluate them one by one",
                             e->models[i].path, e->models[m].path, folder);
        }
    return rc;
}

/* Makes the folders of the answers, one a model. */
static int make_folders(const struct px_evaluation *e, const char *results, struct px_error *err)
{
    char folder[PX_PATH_MAX];
    int rc = check_folders(e, results, err);

    if (!rc)
        rc = px_tool_make_folder(results, err);
    for (int m = 0; m < e->model_count && !rc; m++) {
        rc = answers_folder(e, results, m, folder, err);
        if (!rc)
            rc = px_make_folder(folder, err);
    }
    return rc;
}

static int run_pictures(struct px_evaluation *e, const struct evaluate_settings *s,
                        const struct px_pictures_list *list, struct px_page *page,
                        const struct px_stop *stop, struct px_error *err)
{
    size_t all = px_pictures_count(list);
    size_t count = s->count && (size_t)s->count < all ? (size_t)s->count : all;
    int64_t drawn = 0;
    int rc = 0;

    for (size_t i = 0; i < count && !rc; i++) {
        struct px_evaluated_pictures pictures = {0};

        rc = px_stop_check(stop, err);
        if (!rc)
            rc = px_evaluation_add(e, list, i, &pictures, err);
        if (!rc && s->out)
            rc = px_page_add(page, e, &pictures, err);
        if (!rc && s->results)
            rc = save_answers(e, s->results, px_pictures_name(list, i), pictures.answers, err);
        if (rc)
            px_error_prefix(err, px_pictures_name(list, i));
        px_evaluated_pictures_clear(&pictures);
        if (!rc)
            show(i + 1, count, &drawn);
    }
    if (rc && isatty(STDERR_FILENO))
        fputc('\n', stderr);
    return rc;
}

/* From the training set; from the pictures at hand if there is none. */
static int find_mean_colour(struct px_evaluation *e, const struct evaluate_settings *s,
                            const struct px_pictures_list *list, const struct px_stop *stop,
                            struct px_error *err)
{
    struct px_pictures_list train;
    int rc = px_pictures_open(&train, s->data, "train", NULL);

    if (rc)
        return px_evaluation_mean_colour(e, list, stop, err);
    rc = px_evaluation_mean_colour(e, &train, stop, err);
    px_pictures_close(&train);
    return rc;
}

static int evaluate(struct px_evaluation *e, const struct evaluate_settings *s,
                    const struct px_stop *stop, struct px_error *err)
{
    struct px_pictures_list list;
    struct px_page page = {0};
    int rc = px_pictures_open(&list, s->data, s->phase, err);

    if (rc)
        return rc;
    rc = px_evaluation_check(e, &list, err);
    if (!rc && s->out)
        rc = px_tool_check_writable(s->out, err);
    if (!rc && s->json)
        rc = px_tool_check_writable(s->json, err);
    if (!rc && s->results)
        rc = make_folders(e, s->results, err);
    if (!rc)
        rc = find_mean_colour(e, s, &list, stop, err);
    if (!rc)
        rc = run_pictures(e, s, &list, &page, stop, err);
    if (!rc) {
        px_results_print(e, stdout);
        if (s->json)
            rc = px_results_save(e, s->json, err);
    }
    if (!rc && s->out)
        rc = px_page_save(&page, e, s->out, err);
    px_page_clear(&page);
    px_pictures_close(&list);
    return rc;
}

/* What to evaluate: the checkpoints, or the epochs that were kept of one. */
static int name_models(const struct evaluate_settings *s, struct px_evaluation *e,
                       struct px_epochs *epochs, struct px_error *err)
{
    size_t count = s->models.count;

    if (s->epochs) {
        if (count != 1)
            return px_fail(err, PX_E_USAGE, "--epoch is for the epochs of one --model");
        int rc = px_epochs_find(epochs, s->models.items[0], s->epochs, err);
        if (rc)
            return rc;
        count = epochs->count;
    }
    for (size_t i = 0; i < count; i++)
        e->models[i].path = s->epochs ? epochs->paths[i] : s->models.items[i];
    e->model_count = (int)count;
    return 0;
}

static int check_settings(const struct evaluate_settings *s, struct px_evaluation *e,
                          struct px_error *err)
{
    e->how.fit = (enum px_fit_mode)s->fit;
    if (s->models.count == 0)
        return px_fail(err, PX_E_USAGE, "--model is missing: the checkpoint to evaluate");
    if (s->models.count > PX_EVALUATE_MAX_MODELS)
        return px_fail(err, PX_E_USAGE, "%zu models are too many for one table; give at most %d",
                       s->models.count, PX_EVALUATE_MAX_MODELS);
    if (!s->data)
        return px_fail(err, PX_E_USAGE, "--data is missing: the folder of the data set");
    return px_tool_read_dropout(s->dropout, &e->how.dropout, &e->how.seed, err);
}

static int run(const struct evaluate_settings *s, const struct px_stop *stop, struct px_error *err)
{
    const struct px_engine_options options = {
        .threads = (int)s->threads, .first_cpu = -1, .memory_limit = px_tool_plan_memory()};
    struct px_engine *engine = NULL;
    struct px_evaluation *e = calloc(1, sizeof *e);
    struct px_epochs epochs;

    if (!e)
        return px_fail(err, PX_E_NOMEM, "no memory for an evaluation");
    int rc = check_settings(s, e, err);
    if (!rc)
        rc = name_models(s, e, &epochs, err);
    if (!rc)
        rc = px_engine_create(&engine, &options, err);
    if (!rc)
        rc = open_models(e, engine, s, err);
    if (!rc)
        rc = evaluate(e, s, stop, err);
    px_evaluation_clear(e);
    px_engine_destroy(engine);
    close_models(e);
    free(e);
    return rc;
}

int px_verb_evaluate(const struct px_verb_call *call, struct px_error *err)
{
    struct evaluate_settings settings = {0};
    struct px_options options = {0};
    int rc = px_verb_options(&table, &settings, call, &options, err);

    if (rc || options.topic)
        return rc;
    rc = run(&settings, call->stop, err);
    px_options_clear(&options);
    return rc;
}
