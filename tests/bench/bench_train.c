/* Times training steps on random pairs: what an iteration costs, without files and pictures.
 * Prints one JSON object: {"median_ms":..,"min_ms":..,"max_ms":..,...}. Started by mpirun, all
 * ranks take each step together, and the first prints. */

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "config/options.h"
#include "tools/bench/bench_times.h"
#include "trainer/nn/gan.h"

struct settings {
    int64_t ngf, ndf, size, batch_size, threads, steps, warm_up;
    int dtype, netG;
};

#define ROW(row, at, standard, least, most, words)                                                 \
    {                                                                                              \
        .name = (row), .type = PX_OPTION_INT, .offset = offsetof(struct settings, at),             \
        .fallback = (standard), .min = (least), .max = (most), .help = (words)                     \
    }

static const struct px_option rows[] = {
    ROW("ngf", ngf, "64", 1, 1024, "filters of the first layer of G"),
    ROW("ndf", ndf, "64", 1, 1024, "filters of the first layer of D"),
    ROW("size", size, "256", 256, 4096, "side of the pictures"),
    ROW("batch-size", batch_size, "1", 1, 64, "pairs a step"),
    ROW("threads", threads, "4", 1, 1024, "the team"),
    ROW("steps", steps, "10", 1, 100000, "timed steps"),
    ROW("warm-up", warm_up, "2", 0, 1000, "steps before those"),
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, dtype),
     .choices = "f32|bf16",
     .help = "what the convolutions read and write"},
    {.name = "netG",
     .type = PX_OPTION_CHOICE,
     .offset = offsetof(struct settings, netG),
     .choices = "unet_256|resnet_9blocks",
     .help = "the generator"},
};

static const struct px_option_table table = {
    .program = "bench_train",
    .usage = "[OPTIONS]",
    .description = "Times training steps of pix2pix on random pairs.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

/* Noise in [-1, 1]. The caller frees it. */
static float *noise(size_t count, uint64_t seed)
{
    float *values = malloc(count * sizeof *values);
    struct px_random random;

    px_random_seed(&random, seed);
    for (size_t i = 0; values && i < count; i++)
        values[i] = 2.0f * px_random_uniform(&random) - 1.0f;
    return values;
}

/* What the timed steps spent where, in ms a step. */
static struct px_gan_profile spent(const struct px_gan_profile *before,
                                   const struct px_gan_profile *after, int64_t steps)
{
    double k = 1e3 / (double)steps;

    return (struct px_gan_profile){
        (after->G_forward - before->G_forward) * k, (after->D - before->D) * k,
        (after->G_backward - before->G_backward) * k, (after->adam - before->adam) * k};
}

static int time_steps(struct px_gan *gan, struct px_ranks *ranks, const struct settings *s,
                      double *times, struct px_gan_profile *profile, struct px_error *err)
{
    struct px_gan_profile before = {0};
    size_t count = (size_t)(s->batch_size * s->size * s->size * 3);
    float *a = noise(count, 1), *b = noise(count, 2);
    const struct px_train_batch batch = {.input = a,
                                         .target = b,
                                         .count = (int)s->batch_size,
                                         .total = (int)s->batch_size * px_ranks_count(ranks),
                                         .height = (int)s->size,
                                         .width = (int)s->size};
    struct px_gan_losses losses = {0};
    int rc = a && b ? 0 : px_fail(err, PX_E_NOMEM, "no memory for pairs");

    for (int64_t i = -s->warm_up; i < s->steps && !rc; i++) {
        int64_t start = px_now_ns();
        if (i == 0)
            before = *px_gan_profile(gan);
        rc = px_gan_step(gan, &batch, 2e-4, &losses, err);
        if (i >= 0)
            times[i] = px_ms_since(start);
    }
    *profile = spent(&before, px_gan_profile(gan), s->steps);
    free(a);
    free(b);
    return rc;
}

static void report(const struct settings *s, const struct px_gan *gan, double *times,
                   const struct px_gan_profile *p)
{
    size_t n = (size_t)s->steps;

    double median = px_bench_median(times, n); /* which sorts */

    printf("{\"median_ms\":%.2f,\"min_ms\":%.2f,\"max_ms\":%.2f,\"steps\":%zu,\"batch\":%d,"
           "\"ngf\":%d,\"ndf\":%d,\"size\":%d,\"threads\":%d,\"dtype\":\"%s\","
           "\"parameters\":%zu,"
           "\"G_forward_ms\":%.1f,\"D_ms\":%.1f,\"G_backward_ms\":%.1f,\"adam_ms\":%.1f}\n",
           median, times[0], times[n - 1], n, (int)s->batch_size, (int)s->ngf, (int)s->ndf,
           (int)s->size, (int)s->threads, s->dtype ? "bf16" : "f32",
           px_gan_parameters_G(gan) + px_gan_parameters_D(gan), p->G_forward, p->D, p->G_backward,
           p->adam);
}

static int run(const struct settings *s, struct px_ranks *ranks, struct px_error *err)
{
    const struct px_network_options network = {.architecture =
                                                   s->netG ? "resnet_9blocks" : "unet_256",
                                               .ngf = (int)s->ngf,
                                               .input_nc = 3,
                                               .output_nc = 3,
                                               .norm = PX_NORM_BATCH,
                                               .dropout = true,
                                               .crop_size = (int)s->size,
                                               .direction = "AtoB"};
    struct px_gan_options gan_options = {.ndf = (int)s->ndf,
                                         .n_layers_D = 3,
                                         .batch_size = (int)s->batch_size,
                                         .threads = (int)s->threads,
                                         .ranks = ranks,
                                         .dtype = s->dtype ? PX_BF16 : PX_F32,
                                         .beta1 = 0.5,
                                         .lambda_GAN = 1,
                                         .lambda_L1 = 100,
                                         .init = {PX_INIT_NORMAL, 0.02},
                                         .seed = 1};
    struct px_gan *gan = NULL;
    struct px_gan_profile profile;
    double *times = calloc((size_t)s->steps, sizeof *times);
    int rc = px_network_make(&gan_options.network, &network, err);

    if (!rc && !times)
        rc = px_fail(err, PX_E_NOMEM, "no memory for %d times", (int)s->steps);
    if (!rc)
        rc = px_gan_create(&gan, &gan_options, err);
    if (!rc)
        rc = time_steps(gan, ranks, s, times, &profile, err);
    if (!rc && px_ranks_index(ranks) == 0)
        report(s, gan, times, &profile);
    px_gan_destroy(gan);
    free(times);
    return rc;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct px_options options;
    struct px_error err = {0};
    struct px_ranks *ranks = NULL;
    int rc = px_options_parse(&table, &settings, NULL, argc, argv, &options, &err);

    if (!rc && !px_options_inform(&table, &options, stdout)) {
        rc = px_ranks_open(&ranks, &err);
        if (!rc)
            rc = run(&settings, ranks, &err);
        px_ranks_close(ranks);
    }
    if (rc)
        fprintf(stderr, "bench_train: %s\n", err.message);
    else
        px_options_clear(&options);
    return px_error_exit(rc);
}
