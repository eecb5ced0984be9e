/* pix2pix translate: what POST /translate does, on files. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "tools/verbs.h"
#include "tools/work/folder.h"
#include "tools/work/jobs.h"
#include "tools/work/translator.h"
#include "translate/half.h"
#include "translate/translate.h"

struct translate_settings {
    const char *model, *output, *dropout;
    int fit, norm, format, dtype, direction;
    int64_t quality, threads, max_pixels, max_side;
    bool pairs;
};

#define AT(field) offsetof(struct translate_settings, field)

static const struct px_option rows[] = {
    {.name = "model",
     .short_name = 'm',
     .type = PX_OPTION_STRING,
     .offset = AT(model),
     .value = "FILE",
     .help = "Take this checkpoint, NAME.safetensors (required)"},
    {.name = "output",
     .short_name = 'o',
     .type = PX_OPTION_STRING,
     .offset = AT(output),
     .value = "OUT",
     .help = "Write the answer to this file, or several answers into this folder, which is created "
             "if its parent exists (required)"},
    {.name = "fit",
     .type = PX_OPTION_CHOICE,
     .offset = AT(fit),
     .choices = PX_FIT_CHOICES,
     .help = "Size to translate at. model: scale to the square that the model was trained on; "
             "image: run at the picture's "
             "own size; scale: as model, then scale the answer back to the picture's size"},
    {.name = "pairs",
     .type = PX_OPTION_FLAG,
     .offset = AT(pairs),
     .help =
         "Take pictures for training pairs, A left and B right, and translate the half that the "
         "model reads. Pairs are never turned by their EXIF orientation, other pictures are"},
    {.name = "direction",
     .type = PX_OPTION_CHOICE,
     .offset = AT(direction),
     .choices = PX_DIRECTION_CHOICES,
     .help = "With --pairs: translate A, the left half (AtoB), or B (BtoA), not the half that the "
             "model was trained to read"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = AT(norm),
     .choices = PX_NORM_CHOICES,
     .help = "Normalise by the statistics of the picture at hand (batch), as the reference's "
             "test.py does, or by those stored in training (running), as its --eval does; default: "
             "as the checkpoint says, else batch"},
    {.name = "dropout",
     .type = PX_OPTION_STRING,
     .offset = AT(dropout),
     .fallback = "off",
     .value = "off|SEED",
     .help = "Draw dropout from this seed, for variety"},
    {.name = "format",
     .type = PX_OPTION_CHOICE,
     .offset = AT(format),
     .choices = "auto|png|jpeg",
     .help = "Write this format; auto goes by the name of OUT, and takes png in a folder"},
    {.name = "quality",
     .type = PX_OPTION_INT,
     .offset = AT(quality),
     .fallback = "90",
     .min = 1,
     .max = 100,
     .help = "Quality of JPEG"},
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = AT(dtype),
     .choices = PX_DTYPE_CHOICES,
     .help = "Compute in this type. int8 needs a model converted to it and a CPU with VNNI or AMX; "
             "auto takes int8 for such a model, else bf16 if that is faster (Intel with AMX, AMD "
             "from Zen 4 on), else f32, and says which"},
    {.name = "threads",
     .type = PX_OPTION_INT,
     .offset = AT(threads),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "Use this many threads; 0: one per CPU"},
    {.name = "max-pixels",
     .type = PX_OPTION_INT,
     .offset = AT(max_pixels),
     .fallback = "500000000",
     .min = 1,
     .max = 4294836225,
     .help = "Refuse pictures with more pixels, before they are decoded"},
    {.name = "max-side",
     .type = PX_OPTION_INT,
     .offset = AT(max_side),
     .fallback = "65535",
     .min = 1,
     .max = 65535,
     .help = "Refuse pictures that are wider or higher"},
};

#define CONVERTED                                                                                  \
    "use --model NAME.safetensors; `pix2pix convert .../latest_net_G.pth NAME.safetensors` makes " \
    "it from a .pth"
#define IN_MODEL "leave it out: the model's file says it"
#define ARGUMENTS "leave it out: give the pictures or folders that are to be translated"

/* Options of the reference's test.py. */
static const struct px_option_foreign foreign[] = {
    {"eval", "use --norm running"},
    {"num-test|how-many|ntest|max-dataset-size",
     "leave it out: every picture given is translated; give fewer"},
    {"dataroot", "give the folder as an argument: --model FILE DIR -o OUT"},
    {"results-dir", "use --output DIR"},
    {"epoch|load-iter|which-epoch|name|checkpoints-dir|model-suffix|suffix", CONVERTED},
    {"phase|dataset-mode|serial-batches", ARGUMENTS},
    {"netG|ngf|netD|ndf|input-nc|output-nc|no-dropout|n-layers-D|init-type|init-gain", IN_MODEL},
    {"preprocess|load-size|crop-size|no-flip|aspect-ratio",
     "use --fit: model scales to the square that the model was trained on, as test.py does; image "
     "keeps the picture's size"},
    {"batch-size", "leave it out: pictures are translated one by one"},
    {"num-threads", "use --threads N"},
    {"gpu-ids|gpu", "leave it out: it runs on the CPU; --threads N says with how many threads"},
    {"display-winsize|verbose|use-wandb|wandb-project-name",
     "leave it out: only the answers are written"},
    {NULL, NULL},
};

static const struct px_option_table table = {
    .program = "pix2pix translate",
    .usage = "--model NAME.safetensors IN ... -o OUT",
    .description =
        "Translates pictures (PNG, JPEG) as the daemon does over HTTP. IN is a picture, or a "
        "folder\n"
        "whose pictures are taken. A picture that cannot be translated is named and left out; the\n"
        "exit status is then 1.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .foreign = foreign,
    .min_arguments = 1,
    .max_arguments = -1,
};

struct session {
    const struct translate_settings *settings;
    struct px_translator translator;
    struct px_translate_options how;
    bool right; /* the half of pairs that is translated */
};

static int open_session(struct session *s, const struct translate_settings *settings,
                        struct px_error *err)
{
    const struct px_engine_options options = {
        .threads = (int)settings->threads, .first_cpu = -1, .memory_limit = px_tool_plan_memory()};

    *s = (struct session){.settings = settings, .how.fit = (enum px_fit_mode)settings->fit};
    int rc = px_tool_read_dropout(settings->dropout, &s->how.dropout, &s->how.seed, err);
    if (!rc)
        rc =
            px_tool_load_translator(&s->translator, settings->model, (enum px_dtype)settings->dtype,
                                    (enum px_norm_choice)settings->norm, err);
    if (rc)
        return rc;
    s->right = px_half_choose((enum px_direction_choice)settings->direction,
                              px_model_network(s->translator.model)->direction);
    return px_engine_create(&s->translator.engine, &options, err);
}

static void close_session(struct session *s)
{
    px_engine_destroy(s->translator.engine);
    px_model_unref(s->translator.model);
}

/* Cuts a pair, and refuses what is one by its shape if nothing says that it is not. */
static int take_half(const struct session *s, struct px_image *image, struct px_error *err)
{
    struct px_image half;

    if (!s->settings->pairs) {
        if (s->how.fit != PX_FIT_MODEL || !px_half_is_pair(image->width, image->height))
            return 0;
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "%ux%u is twice as wide as high, as a training pair A|B is: give --pairs to "
                       "translate one half, or --fit scale or image if it is one picture",
                       image->width, image->height);
    }
    int rc = px_half_cut(image, s->right, &half, err);
    if (rc)
        return rc;
    px_image_clear(image);
    *image = half;
    return 0;
}

/* From the file of a picture to that of its answer, in memory. */
static int translate(const struct session *s, const struct px_file_job *job,
                     struct px_buffer *answer, struct px_error *err)
{
    const struct px_decode_limits limits = {.max_pixels = (uint64_t)s->settings->max_pixels,
                                            .max_side = (uint32_t)s->settings->max_side,
                                            .as_stored = s->settings->pairs};
    uint32_t channels = (uint32_t)px_model_network(s->translator.model)->input_nc;
    struct px_image image;
    int rc = px_image_load(job->input, &limits, channels, &image, err);

    if (rc)
        return rc; /* names the file already */
    rc = take_half(s, &image, err);
    if (!rc)
        rc = px_translate_image(&s->translator, &s->how, &image, err);
    struct px_encoding encoding = {.format = job->format, .quality = (int)s->settings->quality};
    if (!rc)
        rc = px_image_encode(&image, &encoding, answer, err);
    if (rc)
        px_error_prefix(err, job->input);
    px_image_clear(&image);
    return rc;
}

/* Whether the next picture has a chance after such a failure. */
static bool concerns_picture(int rc)
{
    return rc != -PX_E_INTERRUPTED && rc != -PX_E_INTERNAL;
}

/* Translates one picture of several: a failure is printed and counted in *failed, unless it would
 * also stop the others (a full disk among those). */
static int translate_one(const struct session *s, const struct px_file_jobs *jobs, size_t i,
                         size_t *failed, struct px_error *err)
{
    struct px_buffer answer = {0};
    int rc = translate(s, &jobs->list[i], &answer, err);

    if (!rc)
        rc = px_file_save(jobs->list[i].output, answer.data, answer.size, err);
    else if (jobs->count > 1 && concerns_picture(rc)) {
        fprintf(stderr, "pix2pix: %s\n", err->message);
        ++*failed;
        rc = 0;
    }
    px_buffer_clear(&answer);
    return rc;
}

static int translate_all(const struct session *s, const struct px_file_jobs *jobs,
                         const struct px_stop *stop, struct px_error *err)
{
    size_t failed = 0;
    int rc = px_tool_make_folder(jobs->folder, err);

    for (size_t i = 0; i < jobs->count && !rc; i++) {
        rc = px_stop_check(stop, err);
        if (!rc)
            rc = translate_one(s, jobs, i, &failed, err);
    }
    if (rc)
        return rc;
    if (s->settings->dtype == PX_DTYPE_AUTO && failed < jobs->count)
        fprintf(stderr, "computed in %s\n", px_dtype_name(px_model_dtype(s->translator.model)));
    if (failed)
        return px_fail(err, PX_E_UNPROCESSABLE, "%zu of %zu pictures could not be translated",
                       failed, jobs->count);
    return 0;
}

static int check_settings(const struct translate_settings *settings, struct px_error *err)
{
    if (!settings->model || !settings->output)
        return px_fail(err, PX_E_USAGE, "--%s is missing; usage: %s %s",
                       settings->model ? "output (-o)" : "model", table.program, table.usage);
    if (settings->direction != PX_DIRECTION_BY_MODEL && !settings->pairs)
        return px_fail(err, PX_E_USAGE,
                       "--direction chooses the half of pairs A|B: give --pairs, too, or leave it "
                       "out");
    return 0;
}

static int run(const struct translate_settings *settings, const struct px_options *options,
               const struct px_stop *stop, struct px_error *err)
{
    static const enum px_format formats[] = {PX_FORMAT_NONE, PX_FORMAT_PNG, PX_FORMAT_JPEG};
    struct px_file_jobs jobs = {0};
    struct session session = {0};
    int rc = check_settings(settings, err);

    if (!rc)
        rc = px_file_jobs_plan(&jobs, options->arguments, options->argument_count, settings->output,
                               formats[settings->format], err);
    if (!rc)
        rc = open_session(&session, settings, err);
    if (!rc)
        rc = translate_all(&session, &jobs, stop, err);
    close_session(&session);
    px_file_jobs_clear(&jobs);
    return rc;
}

int px_verb_translate(const struct px_verb_call *call, struct px_error *err)
{
    struct translate_settings settings;
    struct px_options options;
    int rc = px_verb_options(&table, &settings, call, &options, err);

    if (rc || options.topic)
        return rc;
    rc = run(&settings, &options, call->stop, err);
    px_options_clear(&options);
    return rc;
}
