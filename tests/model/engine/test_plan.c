#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "model/engine/engine.h"
#include "model/engine/parts/plan.h"
#include "tests/model/bf16.h"
#include "tests/model/generator.h"

/* Whole generators against the definition of their layers; those of depth 6 have dropout. The
 * networks are small, with channel counts that are and are not multiples of a vector, and pictures
 * that are not square. */

static char path[] = "/tmp/px_plan_XXXXXX";

struct problem {
    struct px_network_options options;
    int height, width;
};

static const struct problem problems[] = {
    {{"unet_64", 16, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 64},
    {{"unet_64", 9, 3, 3, PX_NORM_INSTANCE, true, 64, "AtoB"}, 64, 128},
    {{"unet_32", 11, 3, 3, PX_NORM_NONE, true, 32, "AtoB"}, 32, 64},
    {{"encoder_decoder_64", 10, 1, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 64},
    {{"unet_32", 5, 1, 4, PX_NORM_BATCH, true, 32, "AtoB"}, 64, 96},
    {{"unet_64", 7, 2, 1, PX_NORM_INSTANCE, true, 64, "AtoB"}, 64, 64},
    {{"unet_32", 12, 4, 2, PX_NORM_NONE, false, 32, "AtoB"}, 96, 32},
    {{"unet_32", 3, 6, 5, PX_NORM_BATCH, false, 32, "AtoB"}, 32, 64},
    {{"encoder_decoder_64", 8, 3, 1, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 64},
    {{"encoder_decoder_32", 5, 2, 3, PX_NORM_INSTANCE, true, 32, "AtoB"}, 64, 32},
    {{"encoder_decoder_32", 4, 2, 3, PX_NORM_NONE, true, 32, "AtoB"}, 32, 32},
    {{"resnet_2blocks", 8, 3, 3, PX_NORM_BATCH, true, 256, "AtoB"}, 32, 32},
    {{"resnet_1blocks", 5, 1, 4, PX_NORM_BATCH, false, 256, "AtoB"}, 36, 28},
    {{"resnet_3blocks", 3, 2, 1, PX_NORM_INSTANCE, true, 256, "AtoB"}, 20, 44},
    {{"resnet_1blocks", 16, 4, 2, PX_NORM_INSTANCE, false, 256, "AtoB"}, 8, 8},
    {{"resnet_2blocks", 7, 3, 3, PX_NORM_NONE, true, 256, "AtoB"}, 12, 24},
    {{"resnet_2blocks", 4, 3, 6, PX_NORM_NONE, false, 256, "AtoB"}, 24, 12},
    {{"resnet_1blocks", 1, 3, 3, PX_NORM_BATCH, false, 256, "AtoB"}, 36, 20}, /* 9x5 inside */
};
enum { PROBLEMS = sizeof problems / sizeof problems[0] };

struct bench {
    struct px_engine *engine;
    struct px_model *model;
};

static struct bench set_up(const struct px_network_options *options, enum px_dtype dtype)
{
    struct px_engine_options team = {.threads = 2, .first_cpu = -1};
    struct px_error err;
    struct bench b;

    generator_write(path, options, true);
    if (px_engine_create(&b.engine, &team, &err) || px_model_load(&b.model, path, dtype, &err))
        fail_msg("%s", err.message);
    return b;
}

static void tear_down(struct bench *b)
{
    px_engine_destroy(b->engine);
    px_model_unref(b->model);
}

/* Largest and mean square difference between the engine and the definition. */
struct difference {
    double largest, mean_square;
};

static struct difference compare(const struct bench *b, const struct problem *p,
                                 enum px_norm_mode norm, const uint64_t *seed)
{
    size_t pixels = (size_t)p->height * (size_t)p->width;
    size_t count = pixels * (size_t)p->options.output_nc;
    float *in = malloc(pixels * (size_t)p->options.input_nc * sizeof *in);
    float *out = malloc(count * sizeof *out);
    const bool on = true;
    struct px_batch batch = {.n = 1,
                             .height = p->height,
                             .width = p->width,
                             .norm = norm,
                             .in_f32 = (const float *const[]){in},
                             .out_f32 = (float *const[]){out},
                             .dropout = seed ? &on : NULL,
                             .seeds = seed};
    struct generator_input input = {in, p->height, p->width, norm == PX_TEST_RUNNING, seed};
    struct difference d = {0, 0};
    struct px_random random;
    struct px_error err;

    px_random_seed(&random, 3);
    for (size_t i = 0; i < pixels * (size_t)p->options.input_nc; i++)
        in[i] = px_random_uniform(&random) * 2 - 1;
    double *want = generator_answer(px_model_checkpoint(b->model), &input);
    if (px_engine_run(b->engine, b->model, &batch, &err) != 0)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < count; i++) {
        double off = fabs((double)out[i] - want[i]);
        assert_true(off < 3); /* nor is it a NaN */
        d.largest = fmax(d.largest, off);
        d.mean_square += off * off / (double)count;
    }
    free(want);
    free(in);
    free(out);
    return d;
}

/* Ten or twelve layers of floats, each rounding at 6e-8 and amplified by the norms. */
static void test_f32(void **state)
{
    static const uint64_t seed = 42;

    (void)state;
    for (int k = 0; k < PROBLEMS; k++) {
        const struct problem *p = &problems[k];
        struct bench b = set_up(&p->options, PX_F32);

        assert_true(compare(&b, p, PX_TEST_BATCH, NULL).largest < 1e-4);
        assert_true(compare(&b, p, PX_TEST_RUNNING, NULL).largest < 1e-4);
        assert_true(compare(&b, p, PX_TEST_BATCH, &seed).largest < 1e-4);
        assert_true(compare(&b, p, PX_TEST_RUNNING, &seed).largest < 1e-4);
        tear_down(&b);
    }
}

/* The peak of the signal is 2 (-1..1): 40 dB are a mean square of 4e-4. */
static void test_bf16(void **state)
{
    static const uint64_t seed = 42;

    (void)state;
    NEEDS(has_bf16(), "bf16");
    for (int k = 0; k < PROBLEMS; k++) {
        const struct problem *p = &problems[k];
        struct bench b = set_up(&p->options, PX_BF16);

        assert_true(compare(&b, p, PX_TEST_BATCH, NULL).mean_square < 4e-4);
        assert_true(compare(&b, p, PX_TEST_RUNNING, NULL).mean_square < 4e-4);
        assert_true(compare(&b, p, PX_TEST_BATCH, &seed).mean_square < 4e-4);
        tear_down(&b);
    }
}

static void test_dropout_differs(void **state)
{
    static const uint64_t seed = 42;
    struct problem p = problems[0];
    struct bench b = set_up(&p.options, PX_F32);
    uint8_t in[64 * 64 * 3], off[sizeof in], on[sizeof in], again[sizeof in];
    const bool yes = true;
    struct px_batch batch = {.n = 1,
                             .height = 64,
                             .width = 64,
                             .norm = PX_TEST_BATCH,
                             .in = (const uint8_t *const[]){in},
                             .seeds = &seed};

    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 37);
    batch.out = (uint8_t *const[]){off};
    assert_int_equal(px_engine_run(b.engine, b.model, &batch, NULL), 0);
    batch.dropout = &yes;
    batch.out = (uint8_t *const[]){on};
    assert_int_equal(px_engine_run(b.engine, b.model, &batch, NULL), 0);
    batch.out = (uint8_t *const[]){again};
    assert_int_equal(px_engine_run(b.engine, b.model, &batch, NULL), 0);
    assert_memory_not_equal(off, on, sizeof off);
    assert_memory_equal(on, again, sizeof on);
    tear_down(&b);
}

static void test_memory(void **state)
{
    struct px_network network;
    struct px_plan_desc desc = {.network = &network,
                                .dtype = PX_F32,
                                .shape = {.n = 1, .height = 256, .width = 256},
                                .threads = 1};
    size_t f32 = 0, bf16 = 0, ignored;

    (void)state;
    assert_int_equal(px_network_make(&network,
                                     &(struct px_network_options){"unet_256", 64, 3, 3,
                                                                  PX_NORM_BATCH, true, 256, "AtoB"},
                                     NULL),
                     0);
    assert_true(px_plan_memory(&desc, &f32));
    desc.dtype = PX_BF16;
    assert_true(px_plan_memory(&desc, &bf16));
    assert_in_range(f32, 20 << 20, 24 << 20);
    assert_in_range(bf16, 11 << 20, 13 << 20);
    desc.shape.n = desc.shape.height = desc.shape.width = 1 << 30;
    assert_false(px_plan_memory(&desc, &ignored));
}

static int make_path(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("computes in f32 what the layers' definitions say", test_f32),
        CHECK("computes in bf16 within 40 dB of it", test_bf16),
        CHECK("drops by seed, the same every time", test_dropout_differs),
        CHECK("knows its memory before it takes it", test_memory),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
