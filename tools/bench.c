/* pix2pix bench: how long the engine takes, on a checkpoint or on random weights. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/path.h"
#include "model/dnn/cpu.h"
#include "model/engine/engine.h"
#include "tools/bench/bench_case.h"
#include "tools/bench/bench_report.h"
#include "tools/bench/random_int8.h"
#include "tools/bench/random_model.h"
#include "tools/verbs.h"

enum { MAX_BATCHES = 16, MAX_DTYPES = 8 };

struct bench_settings {
    const char *model, *architecture, *batch, *dtype;
    int64_t ngf, size, workers, threads, runs;
    int norm;
    bool layers, json;
    const struct px_stop *stop; /* not an option */
};

#define AT(field) offsetof(struct bench_settings, field)

static const struct px_option rows[] = {
    {.name = "model",
     .short_name = 'm',
     .type = PX_OPTION_STRING,
     .offset = AT(model),
     .value = "FILE",
     .help = "Time this checkpoint; random weights without it"},
    {.name = "architecture",
     .type = PX_OPTION_STRING,
     .offset = AT(architecture),
     .fallback = "unet_256",
     .value = "NAME",
     .help = "Network of the random weights: unet_256, resnet_9blocks, ..."},
    {.name = "ngf",
     .type = PX_OPTION_INT,
     .offset = AT(ngf),
     .fallback = "64",
     .min = 1,
     .max = 1024,
     .help = "Generator filters of the random weights"},
    {.name = "batch",
     .type = PX_OPTION_STRING,
     .offset = AT(batch),
     .fallback = "1,8",
     .value = "N,...",
     .help = "Batch sizes to time"},
    {.name = "dtype",
     .type = PX_OPTION_STRING,
     .offset = AT(dtype),
     .fallback = "f32",
     .value = "TYPE,...",
     .help = "Arithmetic to time: any of auto, f32, bf16 and int8"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = AT(norm),
     .choices = "batch|running",
     .help = "Normalise by the statistics of each picture or by the running ones"},
    {.name = "size",
     .type = PX_OPTION_INT,
     .offset = AT(size),
     .fallback = "0",
     .min = 0,
     .max = 16384,
     .help = "Side of the square pictures; 0 is the training size"},
    {.name = "workers",
     .type = PX_OPTION_INT,
     .offset = AT(workers),
     .fallback = "1",
     .min = 1,
     .max = PX_BENCH_MAX_WORKERS,
     .help = "Engines that run at the same time, each with its own pictures"},
    {.name = "threads",
     .type = PX_OPTION_INT,
     .offset = AT(threads),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "Threads of each worker; 0 divides the CPUs among the workers"},
    {.name = "runs",
     .type = PX_OPTION_INT,
     .offset = AT(runs),
     .fallback = "20",
     .min = 1,
     .max = 100000,
     .help = "Timed runs of each case, after three that are not timed"},
    {.name = "layers",
     .type = PX_OPTION_FLAG,
     .offset = AT(layers),
     .help = "Show the time, speed and share of each layer, and of what is not convolution"},
    {.name = "json",
     .type = PX_OPTION_FLAG,
     .offset = AT(json),
     .help = "Print a JSON array with one object per case"},
};

static const struct px_option_table table = {
    .program = "pix2pix bench",
    .usage = "[--model FILE | --architecture NAME --ngf N] [OPTIONS]",
    .description =
        "Times the engine alone: 8-bit pixels in, 8-bit pixels out. GFLOP/s count two operations\n"
        "for each multiply-add of the architecture's convolutions, whatever the engine computes;\n"
        "the ceiling is a matmul of 1024x2048x2048 by oneDNN in the same type, threads and run.\n"
        "A layer's bound is what it computes at the ceiling, or its weights at the speed of "
        "memory,\n"
        "whichever takes longer; caches may beat it.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

struct plan { /* the lists of the command line, read */
    int batches[MAX_BATCHES];
    size_t batch_count;
    enum px_dtype dtypes[MAX_DTYPES];
    size_t dtype_count;
};

static int read_batches(const char *list, struct plan *plan, struct px_error *err)
{
    const char *text = list;
    char *end;

    do {
        long n = strtol(text, &end, 10);
        if (*text < '0' || *text > '9' || n < 1 || n > PX_BENCH_MAX_BATCH ||
            (*end && *end != ',') || plan->batch_count == MAX_BATCHES)
            return px_fail(err, PX_E_USAGE,
                           "--batch: '%.80s' is not a list of 1 to %d sizes from 1 to %d, as 1,8",
                           list, MAX_BATCHES, PX_BENCH_MAX_BATCH);
        plan->batches[plan->batch_count++] = (int)n;
        text = end + 1;
    } while (*end);
    return 0;
}

static int read_dtypes(const char *list, struct plan *plan, struct px_error *err)
{
    const char *text = list;

    for (;;) {
        size_t length = strcspn(text, ",");
        int type = PX_DTYPE_AUTO; /* the first of PX_DTYPE_CHOICES; PX_S8 is the last */

        while (type <= PX_S8 && (strlen(px_dtype_name((enum px_dtype)type)) != length ||
                                 strncmp(px_dtype_name((enum px_dtype)type), text, length) != 0))
            type++;
        if (type > PX_S8 || plan->dtype_count == MAX_DTYPES)
            return px_fail(err, PX_E_USAGE,
                           "--dtype: '%.80s' is not a list of auto, f32, bf16 and int8, as "
                           "f32,bf16",
                           list);
        plan->dtypes[plan->dtype_count++] = (enum px_dtype)type;
        if (!text[length])
            return 0;
        text += length + 1;
    }
}

struct bench {
    const struct bench_settings *settings;
    const struct plan *plan;
    const char *path, *int8_path; /* of the checkpoint; the same, but int8 */
    struct px_bench_case one;
    json_t *results; /* an array; NULL: print lines */
};

/* All batch sizes with one arithmetic type. */
static int run_model(struct bench *b, struct px_model *model, struct px_error *err)
{
    const struct px_network *network = px_model_network(model);
    struct px_bench_result *result = malloc(sizeof *result);
    int rc = result ? px_model_check_norm(model, b->one.norm, err)
                    : px_fail(err, PX_E_NOMEM, "no memory for a result");

    for (size_t i = 0; i < b->plan->batch_count && !rc; i++) {
        b->one.batch = b->plan->batches[i];
        rc = px_bench_run(model, &b->one, result, err);
        if (!rc && b->results)
            json_array_append_new(b->results,
                                  px_bench_json(network, px_model_dtype(model), &b->one, result));
        else if (!rc)
            px_bench_print(network, px_model_dtype(model), &b->one, result);
    }
    free(result);
    return rc;
}

/* The same if CPU or checkpoint lack the type. */
static void report_unsupported(struct bench *b, enum px_dtype dtype, const char *reason)
{
    for (size_t i = 0; i < b->plan->batch_count; i++) {
        b->one.batch = b->plan->batches[i];
        if (b->results)
            json_array_append_new(b->results,
                                  px_bench_json_unsupported(px_dtype_name(dtype), &b->one, reason));
        else
            px_bench_print_unsupported(px_dtype_name(dtype), &b->one, reason);
    }
}

/* Prints the network, and finds out the size of the pictures. */
static int read_network(struct bench *b, struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_open(&checkpoint, b->path, err);

    if (rc)
        return rc;
    b->one.side =
        b->settings->size ? (int)b->settings->size : px_checkpoint_network(checkpoint)->crop_size;
    if (!b->results)
        px_bench_print_title(px_checkpoint_network(checkpoint), &b->one);
    px_checkpoint_close(checkpoint);
    return 0;
}

static int run_models(struct bench *b, struct px_error *err)
{
    int rc = read_network(b, err);

    for (size_t i = 0; i < b->plan->dtype_count && !rc; i++) {
        enum px_dtype dtype = b->plan->dtypes[i];
        struct px_model *model = NULL;
        rc = px_model_load(&model, dtype == PX_S8 ? b->int8_path : b->path, dtype, err);
        if (!rc) {
            rc = run_model(b, model, err);
        } else if (rc == -PX_E_USAGE) {
            report_unsupported(b, dtype, err->message);
            rc = 0;
        }
        px_model_unref(model);
    }
    return rc;
}

static int run_all(const struct bench_settings *settings, const struct plan *plan, const char *path,
                   const char *int8_path, struct px_error *err)
{
    int workers = (int)settings->workers, each = px_cpu_count() / workers;
    struct bench bench = {.settings = settings,
                          .plan = plan,
                          .path = path,
                          .int8_path = int8_path,
                          .one = {.workers = workers,
                                  .threads = settings->threads ? (int)settings->threads
                                             : each > 0        ? each
                                                               : 1,
                                  .norm = (enum px_norm_mode)settings->norm,
                                  .runs = (size_t)settings->runs,
                                  .layers = settings->layers,
                                  .stop = settings->stop}};

    bench.results = settings->json ? json_array() : NULL;
    int rc = run_models(&bench, err);
    if (!rc && bench.results &&
        json_dumpf(bench.results, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0)
        putchar('\n');
    json_decref(bench.results);
    return rc;
}

/* Random weights in a folder, and their int8 twin if --dtype names it. */
static int run_in(const char *folder, const struct bench_settings *settings,
                  const struct plan *plan, const struct px_network *network, struct px_error *err)
{
    char path[PX_PATH_MAX], int8_path[PX_PATH_MAX];
    bool int8 = false;
    int rc = px_path_join(path, folder, "random.safetensors", err);

    if (!rc)
        rc = px_path_join(int8_path, folder, "int8.safetensors", err);
    if (rc)
        return rc;
    for (size_t i = 0; i < plan->dtype_count; i++)
        int8 = int8 || plan->dtypes[i] == PX_S8;
    rc = px_random_model_save(path, network, 1, err);
    if (!rc && int8)
        rc = px_random_int8_save(int8_path, path,
                                 settings->size ? (int)settings->size : network->crop_size,
                                 (enum px_norm_mode)settings->norm, err);
    if (!rc)
        rc = run_all(settings, plan, path, int8_path, err);
    unlink(path);
    unlink(int8_path);
    return rc;
}

/* Benches random weights, saved in a folder of their own that does not outlive the run. */
static int run_random(const struct bench_settings *settings, const struct plan *plan,
                      struct px_error *err)
{
    const struct px_network_options options = {.architecture = settings->architecture,
                                               .ngf = (int)settings->ngf,
                                               .input_nc = 3,
                                               .output_nc = 3,
                                               .norm = PX_NORM_BATCH,
                                               .dropout = true,
                                               .direction = "AtoB"};
    const char *temporary = getenv("TMPDIR");
    char folder[PX_PATH_MAX];
    struct px_network network;

    if (!px_network_depth_of(settings->architecture))
        return px_fail(err, PX_E_USAGE,
                       "--architecture: '%.80s' is not unet_32 to unet_512, encoder_decoder_32 to "
                       "encoder_decoder_512 or resnet_1blocks to resnet_32blocks",
                       settings->architecture);
    int rc = px_network_make(&network, &options, err);
    if (!rc)
        rc = px_path_join(folder, temporary && *temporary ? temporary : "/tmp",
                          "pix2pix-bench-XXXXXX", err);
    if (rc)
        return rc;
    if (!mkdtemp(folder))
        return px_fail(err, PX_E_IO, "%s: cannot create the folder: %s", folder, strerror(errno));
    rc = run_in(folder, settings, plan, &network, err);
    rmdir(folder);
    return rc;
}

int px_verb_bench(const struct px_verb_call *call, struct px_error *err)
{
    struct plan plan = {0};
    struct bench_settings settings;
    struct px_options options;
    int rc = px_verb_options(&table, &settings, call, &options, err);

    if (rc || options.topic)
        return rc;
    settings.stop = call->stop;
    rc = read_batches(settings.batch, &plan, err);
    if (!rc)
        rc = read_dtypes(settings.dtype, &plan, err);
    if (!rc)
        rc = settings.model ? run_all(&settings, &plan, settings.model, settings.model, err)
                            : run_random(&settings, &plan, err);
    px_options_clear(&options);
    return rc;
}
