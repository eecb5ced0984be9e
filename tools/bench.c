/* pix2pix bench: how long the engine takes, on a checkpoint or on random weights. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "model/engine.h"
#include "tools/bench_case.h"
#include "tools/random_model.h"
#include "tools/verbs.h"

enum { MAX_BATCHES = 16 };

struct settings {
    const char *model, *architecture, *batch, *dtype;
    int64_t ngf, size, threads, runs;
    int norm;
    bool json;
};

#define AT(field) offsetof(struct settings, field)

static const struct px_option rows[] = {
    {.name = "model",
     .short_name = 'm',
     .type = PX_OPTION_STRING,
     .offset = AT(model),
     .value = "FILE",
     .help = "a checkpoint; without one, random weights"},
    {.name = "architecture",
     .type = PX_OPTION_STRING,
     .offset = AT(architecture),
     .fallback = "unet_256",
     .value = "NAME",
     .help = "of the random weights: unet_256, resnet_9blocks, ..."},
    {.name = "ngf",
     .type = PX_OPTION_INT,
     .offset = AT(ngf),
     .fallback = "64",
     .min = 1,
     .max = 1024,
     .help = "of the random weights"},
    {.name = "batch",
     .type = PX_OPTION_STRING,
     .offset = AT(batch),
     .fallback = "1,8",
     .value = "N,...",
     .help = "batch sizes"},
    {.name = "dtype",
     .type = PX_OPTION_STRING,
     .offset = AT(dtype),
     .fallback = "f32",
     .value = "TYPE,...",
     .help = "arithmetic: f32, bf16 or f32,bf16"},
    {.name = "norm",
     .type = PX_OPTION_CHOICE,
     .offset = AT(norm),
     .choices = "batch|running",
     .help = "normalisation at test"},
    {.name = "size",
     .type = PX_OPTION_INT,
     .offset = AT(size),
     .fallback = "0",
     .min = 0,
     .max = 16384,
     .help = "side of the square pictures; 0: the training size"},
    {.name = "threads",
     .type = PX_OPTION_INT,
     .offset = AT(threads),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "0: one for each CPU"},
    {.name = "runs",
     .type = PX_OPTION_INT,
     .offset = AT(runs),
     .fallback = "20",
     .min = 1,
     .max = 100000,
     .help = "timed runs of each case, after three that are not"},
    {.name = "json",
     .type = PX_OPTION_FLAG,
     .offset = AT(json),
     .help = "as a JSON array, one object a case"},
};

static const struct px_option_table table = {
    .program = "pix2pix bench",
    .usage = "[--model FILE | --architecture NAME --ngf N] [OPTIONS]",
    .description = "Times the engine alone: 8-bit pixels in, 8-bit pixels out.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

struct plan { /* the lists of the command line, read */
    int batches[MAX_BATCHES];
    size_t batch_count;
    enum px_dtype dtypes[2];
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
    static const struct {
        const char *list;
        enum px_dtype dtypes[2];
        size_t count;
    } lists[] = {{"f32", {PX_F32}, 1},
                 {"bf16", {PX_BF16}, 1},
                 {"f32,bf16", {PX_F32, PX_BF16}, 2},
                 {"bf16,f32", {PX_BF16, PX_F32}, 2}};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(list, lists[i].list) == 0) {
            memcpy(plan->dtypes, lists[i].dtypes, sizeof plan->dtypes);
            plan->dtype_count = lists[i].count;
            return 0;
        }
    return px_fail(err, PX_E_USAGE, "--dtype: '%.80s' is not f32, bf16 or f32,bf16", list);
}

static int side_of(const struct settings *settings, const struct px_network *network)
{
    return settings->size ? (int)settings->size : network->crop_size;
}

static void print_title(const struct settings *settings, const struct px_network *network)
{
    int side = side_of(settings, network);

    printf("%s, ngf %d, %dx%d, %d runs a case\n", network->architecture, network->ngf, side, side,
           (int)settings->runs);
    printf("batch dtype threads  median ms     min ms     p90 ms   ms/image   images/s\n");
}

static void print_case(const struct px_bench_case *c, const struct px_bench_times *t)
{
    printf("%5d %-5s %7d %10.2f %10.2f %10.2f %10.2f %10.1f\n", c->batch, px_dtype_name(c->dtype),
           c->threads, t->median, t->min, t->p90, t->median / c->batch, c->batch * 1e3 / t->median);
    fflush(stdout);
}

static json_t *json_case(const struct px_bench_case *c, const struct px_bench_times *t)
{
    return json_pack("{s:i,s:s,s:i,s:f,s:f,s:f,s:f,s:f}", "batch", c->batch, "dtype",
                     px_dtype_name(c->dtype), "threads", c->threads, "median_ms", t->median,
                     "min_ms", t->min, "p90_ms", t->p90, "median_ms_per_image",
                     t->median / c->batch, "images_per_s", c->batch * 1e3 / t->median);
}

struct bench {
    const struct settings *settings;
    const struct plan *plan;
    struct px_engine *engine;
    int threads;
    json_t *results; /* an array; NULL: print lines */
};

/* All batch sizes with one arithmetic type. */
static int run_model(const struct bench *b, struct px_model *model, struct px_error *err)
{
    const struct settings *settings = b->settings;
    struct px_bench_case one = {.side = side_of(settings, px_model_network(model)),
                                .threads = b->threads,
                                .dtype = px_model_dtype(model),
                                .norm = (enum px_norm_mode)settings->norm,
                                .runs = (size_t)settings->runs};
    struct px_bench_times times;
    int rc = px_model_check_norm(model, one.norm, err);

    for (size_t i = 0; i < b->plan->batch_count && !rc; i++) {
        one.batch = b->plan->batches[i];
        rc = px_bench_run(b->engine, model, &one, &times, err);
        if (!rc && b->results)
            json_array_append_new(b->results, json_case(&one, &times));
        else if (!rc)
            print_case(&one, &times);
    }
    return rc;
}

static int run_models(const struct bench *b, const char *path, struct px_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < b->plan->dtype_count && !rc; i++) {
        struct px_model *model = NULL;
        rc = px_model_load(&model, path, b->plan->dtypes[i], err);
        if (!rc && i == 0 && !b->results)
            print_title(b->settings, px_model_network(model));
        if (!rc)
            rc = run_model(b, model, err);
        px_model_unref(model);
    }
    return rc;
}

static int run_all(const struct settings *settings, const struct plan *plan, const char *path,
                   struct px_error *err)
{
    /* Counted before the engine pins this thread to one CPU. */
    int threads = settings->threads ? (int)settings->threads : px_cpu_count();
    const struct px_engine_options options = {.threads = threads, .first_cpu = 0};
    struct bench bench = {.settings = settings, .plan = plan, .threads = threads};
    int rc = px_engine_create(&bench.engine, &options, err);

    if (rc)
        return rc;
    bench.results = settings->json ? json_array() : NULL;
    rc = run_models(&bench, path, err);
    if (!rc && bench.results && json_dumpf(bench.results, stdout, JSON_INDENT(2)) == 0)
        putchar('\n');
    json_decref(bench.results);
    px_engine_destroy(bench.engine);
    return rc;
}

/* Benches random weights, saved in a folder of their own that does not outlive the run. */
static int run_random(const struct settings *settings, const struct plan *plan,
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
    char folder[3000], path[4000];
    struct px_network network;

    if (!px_network_depth_of(settings->architecture))
        return px_fail(err, PX_E_USAGE,
                       "--architecture: '%.80s' is not unet_32 to unet_512, encoder_decoder_32 to "
                       "encoder_decoder_512 or resnet_1blocks to resnet_32blocks",
                       settings->architecture);
    int rc = px_network_make(&network, &options, err);
    if (rc)
        return rc;
    snprintf(folder, sizeof folder, "%.2900s/pix2pix-bench-XXXXXX",
             temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(folder))
        return px_fail(err, PX_E_IO, "%s: cannot create the folder: %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%s/random.safetensors", folder);
    rc = px_random_model_save(path, &network, 1, err);
    if (!rc)
        rc = run_all(settings, plan, path, err);
    unlink(path);
    rmdir(folder);
    return rc;
}

int px_verb_bench(int argc, char *const *argv, struct px_error *err)
{
    struct plan plan = {0};
    struct settings settings;
    struct px_options options;
    bool done;
    int rc = px_verb_options(&table, &settings, argc, argv, &options, &done, err);

    if (rc || done)
        return rc;
    rc = read_batches(settings.batch, &plan, err);
    if (!rc)
        rc = read_dtypes(settings.dtype, &plan, err);
    if (!rc)
        rc = settings.model ? run_all(&settings, &plan, settings.model, err)
                            : run_random(&settings, &plan, err);
    px_options_free(&options);
    return rc;
}
