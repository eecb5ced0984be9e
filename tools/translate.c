/* pix2pix translate: what POST /translate does, on files. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "codecs/fit.h"
#include "model/engine/engine.h"
#include "tools/verbs.h"
#include "tools/work/jobs.h"
#include "tools/work/stop.h"

struct settings {
    const char *model, *output, *dropout;
    int fit, norm, format, dtype;
    int64_t quality, threads;
};

enum { NORM_DEFAULT, NORM_BATCH, NORM_RUNNING };
enum { DTYPE_AUTO }; /* and the others, in the order of the choices */

#define AT(field) offsetof(struct settings, field)

static const struct px_option rows[] = {
    {.name = "model",
     .short_name = 'm',
     .type = PX_OPTION_STRING,
     .offset = AT(model),
     .value = "FILE",
     .help = "the checkpoint, NAME.safetensors (needed)"},
    {.name = "output",
     .short_name = 'o',
     .type = PX_OPTION_STRING,
     .offset = AT(output),
     .value = "OUT",
     .help = "a file, or a folder for several pictures (needed)"},
    {.name = "fit",
     .type = PX_OPTION_CHOICE,
     .offset = AT(fit),
     .choices = PX_FIT_CHOICES,
     .help = "model: scale to the training size; image: run at the picture's own size; scale: as "
             "model, and scale the answer back"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = AT(norm),
     .choices = "default|batch|running",
     .help = "normalise by the statistics of the picture at hand, as the reference's test.py does, "
             "or by those stored in training, as its --eval; default: as the checkpoint says, else "
             "batch"},
    {.name = "dropout",
     .type = PX_OPTION_STRING,
     .offset = AT(dropout),
     .fallback = "off",
     .value = "off|SEED",
     .help = "draw dropout from this seed, for variety"},
    {.name = "format",
     .type = PX_OPTION_CHOICE,
     .offset = AT(format),
     .choices = "auto|png|jpeg",
     .help = "coding of the answers; auto goes by the name of OUT and takes png in a folder"},
    {.name = "quality",
     .type = PX_OPTION_INT,
     .offset = AT(quality),
     .fallback = "90",
     .min = 1,
     .max = 100,
     .help = "of JPEG"},
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = AT(dtype),
     .choices = "auto|f32|bf16|int8",
     .help =
         "arithmetic; int8 needs a model converted to it and a CPU with VNNI or AMX; auto takes "
         "int8 for such a model, bf16 where that is faster (Intel with AMX, AMD from Zen 4 on), "
         "else f32, and says which"},
    {.name = "threads",
     .type = PX_OPTION_INT,
     .offset = AT(threads),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "0: one for each CPU"},
};

static const struct px_option_table table = {
    .program = "pix2pix translate",
    .usage = "--model NAME.safetensors IN ... -o OUT",
    .description = "Translates pictures (PNG, JPEG) offline as the daemon does over HTTP. Of an "
                   "input that is a\nfolder, its pictures are taken.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 1,
    .max_arguments = -1,
};

struct translator {
    const struct settings *settings;
    struct px_model *model;
    struct px_engine *engine;
    enum px_norm_mode norm;
    bool dropout;
    uint64_t seed;
};

static int read_dropout(struct translator *t, struct px_error *err)
{
    t->dropout = strcmp(t->settings->dropout, "off") != 0;
    if (!t->dropout || px_option_read_seed(t->settings->dropout, &t->seed))
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "--dropout: '%.80s' is neither off nor a seed from 0 to "
                   "18446744073709551615 (command line)",
                   t->settings->dropout);
}

/* Half of the memory: a large picture with fit=image needs plans of many gigabytes. */
static size_t memory_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

    return pages > 0 && size > 0 ? (size_t)pages / 2 * (size_t)size : 0;
}

static int prepare(struct translator *t, const struct settings *settings, struct px_error *err)
{
    static const enum px_dtype dtypes[] = {PX_DTYPE_AUTO, PX_F32, PX_BF16, PX_S8};
    const struct px_engine_options options = {
        .threads = (int)settings->threads, .first_cpu = -1, .memory_limit = memory_limit()};

    t->settings = settings;
    int rc = read_dropout(t, err);
    if (!rc)
        rc = px_model_load(&t->model, settings->model, dtypes[settings->dtype], err);
    if (!rc) {
        rc = px_network_check_pictures(px_model_network(t->model), err);
        if (rc)
            px_error_prefix(err, settings->model);
    }
    if (!rc) {
        t->norm = settings->norm == NORM_DEFAULT
                      ? px_checkpoint_test_norm(px_model_checkpoint(t->model))
                  : settings->norm == NORM_RUNNING ? PX_TEST_RUNNING
                                                   : PX_TEST_BATCH;
        rc = px_model_check_norm(t->model, t->norm, err);
        if (rc)
            px_error_prefix(err, settings->model);
    }
    return rc ? rc : px_engine_create(&t->engine, &options, err);
}

/* The network's input (already fitted) through the network. */
static int infer(struct translator *t, const struct px_image *in, struct px_image *out,
                 struct px_error *err)
{
    const uint8_t *const source = in->data;
    const struct px_batch batch = {.n = 1,
                                   .height = (int)in->height,
                                   .width = (int)in->width,
                                   .norm = t->norm,
                                   .in = &source,
                                   .out = &out->data,
                                   .dropout = &t->dropout,
                                   .seeds = &t->seed};
    uint32_t channels = (uint32_t)px_model_network(t->model)->output_nc;
    int rc = px_image_create(out, in->width, in->height, channels, err);

    return rc ? rc : px_engine_run(t->engine, t->model, &batch, err);
}

/* Picture to picture: *image is the decoded input and becomes the answer. */
static int transform(struct translator *t, struct px_image *image, struct px_error *err)
{
    const struct px_network *network = px_model_network(t->model);
    struct px_image answer = {0};
    struct px_fit fit;

    const struct px_fit_sides sides = {(uint32_t)network->crop_size,
                                       (uint32_t)px_network_multiple(network),
                                       (uint32_t)px_network_min_side(network)};
    px_fit_plan(&fit, (enum px_fit_mode)t->settings->fit, &sides, image->width, image->height);
    int rc = px_fit_input(&fit, image, err);
    if (!rc)
        rc = infer(t, image, &answer, err);
    px_image_destroy(image);
    if (!rc)
        rc = px_fit_answer(&fit, &answer, err);
    *image = answer;
    return rc;
}

static int translate(struct translator *t, const struct px_file_job *job, struct px_error *err)
{
    uint32_t channels = (uint32_t)px_model_network(t->model)->input_nc;
    struct px_image image = {0};
    struct px_buffer file = {0};
    int rc = px_image_load(job->input, NULL, channels, &image, err);

    if (rc)
        return rc;
    rc = transform(t, &image, err);
    if (!rc)
        rc = px_image_encode(&image, job->format, (int)t->settings->quality, &file, err);
    if (rc)
        px_error_prefix(err, job->input);
    else
        rc = px_file_save(job->output, file.data, file.size, err);
    free(file.data);
    px_image_destroy(&image);
    return rc;
}

static int translate_all(const struct settings *settings, const struct px_file_jobs *jobs,
                         struct px_error *err)
{
    struct translator t = {0};
    int rc = prepare(&t, settings, err);

    if (!rc && jobs->folder)
        rc = px_make_folder(jobs->folder, err);
    for (size_t i = 0; i < jobs->count && !rc; i++) {
        rc = px_stop_check(err);
        if (!rc)
            rc = translate(&t, &jobs->list[i], err);
    }
    if (!rc && settings->dtype == DTYPE_AUTO)
        fprintf(stderr, "computed in %s\n", px_dtype_name(px_model_dtype(t.model)));
    px_engine_destroy(t.engine);
    px_model_unref(t.model);
    return rc;
}

static int run(const struct settings *settings, const struct px_options *options,
               struct px_error *err)
{
    static const enum px_format formats[] = {PX_FORMAT_NONE, PX_FORMAT_PNG, PX_FORMAT_JPEG};
    struct px_file_jobs jobs = {0};

    if (!settings->model || !settings->output)
        return px_fail(err, PX_E_USAGE, "--%s is missing; usage: %s %s",
                       settings->model ? "output (-o)" : "model", table.program, table.usage);
    int rc = px_file_jobs_plan(&jobs, options->arguments, options->argument_count, settings->output,
                               formats[settings->format], err);
    if (!rc)
        rc = translate_all(settings, &jobs, err);
    px_file_jobs_clear(&jobs);
    return rc;
}

int px_verb_translate(int argc, char *const *argv, struct px_error *err)
{
    struct settings settings;
    struct px_options options;
    bool done;
    int rc = px_verb_options(&table, &settings, argc, argv, &options, &done, err);

    if (rc || done)
        return rc;
    rc = run(&settings, &options, err);
    px_options_clear(&options);
    return rc;
}
