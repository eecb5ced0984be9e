#include "tests/check.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/dnn/cpu.h"
#include "model/int8/emulate.h"
#include "tests/model/bf16.h"
#include "tests/model/engine/engines.h"
#include "tests/model/generator.h"

/* What the engine answers, and refuses. */

struct case_of_batches {
    struct px_network_options options;
    int size, most;
};

/* Enough channels for oneDNN to divide its work differently (256 inside), and pictures large enough
 * to go through several layers one after the other. */
static const struct case_of_batches cases_of_batches[] = {
    {{"unet_64", 32, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 5},
    {{"encoder_decoder_32", 32, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 5},
    {{"resnet_2blocks", 32, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 64, 5},
    {{"unet_32", 9, 3, 3, PX_NORM_BATCH, true, 64, "AtoB"}, 256, 2},
    {{"resnet_1blocks", 9, 3, 3, PX_NORM_INSTANCE, true, 64, "AtoB"}, 256, 2},
};
enum { CASES_OF_BATCHES = sizeof cases_of_batches / sizeof *cases_of_batches };

static void check_batches(const struct case_of_batches *c, struct px_model *model,
                          enum px_norm_mode norm)
{
    struct px_engine *engine = engines_start(2, 0);
    struct pictures *alone = pictures_draw(), *together = pictures_draw();
    size_t bytes = (size_t)c->size * (size_t)c->size * 3;
    static const int sizes[] = {2, 3, 5};

    for (int i = 0; i < c->most; i++) {
        struct px_batch one = pictures_batch(alone, i, 1, c->size);
        one.norm = norm;
        engines_run(engine, model, &one);
    }
    for (int k = 0; k < 3 && sizes[k] <= c->most; k++) {
        struct px_batch many = pictures_batch(together, 0, sizes[k], c->size);
        many.norm = norm;
        engines_run(engine, model, &many);
        for (int i = 0; i < sizes[k]; i++)
            assert_memory_equal(alone->out[i], together->out[i], bytes);
    }
    assert_memory_not_equal(alone->out[0], alone->out[1], bytes);
    free(alone);
    free(together);
    px_engine_destroy(engine);
}

static void check_all_batches(enum px_dtype dtype, enum weights weights)
{
    for (int k = 0; k < CASES_OF_BATCHES; k++) {
        const struct case_of_batches *c = &cases_of_batches[k];
        struct px_model *model = engines_load_as(&c->options, dtype, weights);

        check_batches(c, model, PX_TEST_BATCH);
        if (c->options.norm == PX_NORM_BATCH)
            check_batches(c, model, PX_TEST_RUNNING);
        px_model_unref(model);
    }
}

static void test_batches(void **state)
{
    (void)state;
    check_all_batches(PX_F32, PLAIN);
}

static void test_batches_bf16(void **state)
{
    (void)state;
    NEEDS(has_bf16(), "bf16");
    check_all_batches(PX_BF16, PLAIN);
}

static void test_batches_int8(void **state)
{
    (void)state;
    NEEDS(px_cpu_has_int8(), "int8");
    check_all_batches(PX_S8, INT8);
    check_all_batches(PX_S8, MIXED);
}

/* Peak signal to noise, of 8 bits. */
static double psnr(const uint8_t *a, const uint8_t *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return 10 * log10(255.0 * 255.0 * (double)count / sum);
}

/* With running statistics, which the scales take up, and with layers of both kinds. Both round what
 * layers read to the same levels; what is left is what bf16 between layers moves over an edge. */
static void test_int8_answers(void **state)
{
    (void)state;
    NEEDS(px_cpu_has_int8(), "int8");
    for (int k = 0; k < 3; k++) {
        const struct case_of_batches *c = &cases_of_batches[k];
        struct px_engine *engine = engines_start(2, 0);
        struct px_model *model = engines_load_as(&c->options, PX_S8, MIXED);
        struct px_checkpoint *checkpoint = NULL;
        struct px_emulation *emulation = NULL;
        struct pictures *p = pictures_draw(), *want = pictures_draw();
        struct px_batch batch = pictures_batch(p, 0, 2, c->size),
                        same = pictures_batch(want, 0, 2, c->size);

        batch.norm = same.norm = PX_TEST_RUNNING;
        engines_run(engine, model, &batch);
        assert_int_equal(px_checkpoint_open(&checkpoint, engines_path, NULL), 0);
        assert_int_equal(px_emulation_create(&emulation, checkpoint, 2, NULL), 0);
        assert_int_equal(px_emulation_run(emulation, &same, NULL), 0);
        for (int i = 0; i < 2; i++) {
            double db = psnr(p->out[i], want->out[i], (size_t)c->size * (size_t)c->size * 3);
            print_message("# %s %d: %.1f dB\n", c->options.architecture, i, db);
            if (db < 35)
                fail_msg("%s: %.1f dB", c->options.architecture, db);
        }
        free(p);
        free(want);
        px_emulation_destroy(emulation);
        px_model_unref(model);
        px_engine_destroy(engine);
    }
}

static void test_int8_refused(void **state)
{
    struct px_model *model = NULL;
    struct px_error err;

    (void)state;
    generator_write(engines_path, &engines_small, true);
    assert_int_equal(px_model_load(&model, engines_path, PX_S8, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "pix2pix convert IN OUT --dtype int8 --calibrate DIR"));
    assert_null(model);
}

static void test_bytes_follow_floats(void **state)
{
    struct px_engine *engine = engines_start(2, 0);
    struct px_model *model = engines_load(&engines_small, PX_F32, true);
    struct pictures *p = pictures_draw();
    struct px_batch batch = pictures_batch(p, 0, 1, 64);
    float in[64 * 64 * 3], out[64 * 64 * 3];
    struct px_batch floats = {.n = 1,
                              .height = 64,
                              .width = 64,
                              .in_f32 = (const float *const[]){in},
                              .out_f32 = (float *const[]){out}};

    (void)state;
    for (size_t i = 0; i < 64 * 64 * 3; i++)
        in[i] = (float)p->in[0][i] / 127.5f - 1.0f;
    engines_run(engine, model, &batch);
    assert_int_equal(px_engine_run(engine, model, &floats, NULL), 0);
    for (size_t i = 0; i < 64 * 64 * 3; i++)
        assert_int_equal(p->out[0][i], (int)((out[i] + 1.0f) * 127.5f));
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_refusals(void **state)
{
    struct px_engine *engine = engines_start(1, 0);
    struct px_model *model = engines_load(&engines_small, PX_F32, false), *none = NULL;
    struct pictures *p = pictures_draw();
    struct px_error err;
    struct px_batch batch = pictures_batch(p, 0, 1, 64);

    (void)state;
    batch.norm = PX_TEST_RUNNING;
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "norm=batch"));
    batch = pictures_batch(p, 0, 1, 96);
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "96x96"));
    assert_non_null(strstr(err.message, "multiples of 64"));
    batch = pictures_batch(p, 0, 0, 64);
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    batch = pictures_batch(p, 0, 1, 1 << 30); /* more than there is memory in the world */
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_UNPROCESSABLE);
    assert_int_equal(px_model_load(&none, engines_path, PX_F16, &err), -PX_E_USAGE);
    assert_int_equal(px_model_load(&none, "/nowhere.safetensors", PX_F32, &err), -PX_E_NOT_FOUND);
    assert_null(none);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* A quarter of 4x4 is one pixel, which nothing beside it can mirror. */
static void test_too_small(void **state)
{
    const struct px_network_options options = {"resnet_1blocks", 2,    3,   3,
                                               PX_NORM_BATCH,    true, 256, "AtoB"};
    struct px_engine *engine = engines_start(1, 0);
    struct px_model *model = engines_load(&options, PX_F32, true);
    struct pictures *p = pictures_draw();
    struct px_error err;
    struct px_batch batch = pictures_batch(p, 0, 1, 4);

    (void)state;
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "4x4: this network needs multiples of 4, at least 8"));
    batch = pictures_batch(p, 0, 1, 8);
    engines_run(engine, model, &batch);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

/* `cp new.safetensors models/old.safetensors` while the daemon runs. */
static void test_overwritten_file(void **state)
{
    struct px_engine *engine = engines_start(1, 0);
    struct px_model *model = engines_load(&engines_small, PX_F32, true);
    struct pictures *p = pictures_draw();
    struct px_batch batch = pictures_batch(p, 0, 1, 64);
    struct px_error err;

    (void)state;
    engines_run(engine, model, &batch);
    assert_int_equal(truncate(engines_path, 100), 0);
    engines_run(engine, model, &batch); /* packed already */
    batch.norm = PX_TEST_RUNNING;
    assert_int_equal(px_engine_run(engine, model, &batch, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "written to"));
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_pinning(void **state)
{
    cpu_set_t before, during, after;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    const struct px_engine_options options = {.threads = 2, .first_cpu = 1};
    struct px_engine *engine = NULL;
    assert_int_equal(px_engine_create(&engine, &options, NULL), 0);
    assert_int_equal(sched_getaffinity(0, sizeof during, &during), 0);
    assert_int_equal(CPU_COUNT(&during), 1);
    px_engine_destroy(engine);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
}

struct worker {
    struct px_model *model;
    struct pictures *pictures;
};

static void *work(void *context)
{
    struct worker *w = context;
    struct px_engine *engine = engines_start(1, 0);
    struct px_batch batch = pictures_batch(w->pictures, 0, 2, 64);

    for (int i = 0; i < 3; i++)
        engines_run(engine, w->model, &batch);
    px_engine_destroy(engine);
    return NULL;
}

/* Four workers start at the same time on a model that nobody has packed yet. */
static void test_shared_model(void **state)
{
    struct px_model *model = engines_load(&engines_small, PX_F32, true);
    struct worker workers[4];
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){px_model_ref(model), pictures_draw()};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_memory_equal(workers[0].pictures->out, workers[i].pictures->out,
                            sizeof workers[i].pictures->out);
        px_model_unref(workers[i].model);
    }
    /* Packed once: no more than the file and a little for padding. */
    assert_in_range(px_model_memory(model), 4 * px_network_parameters(px_model_network(model)),
                    6 * px_network_parameters(px_model_network(model)));
    for (int i = 0; i < 4; i++)
        free(workers[i].pictures);
    px_model_unref(model);
}

static void test_auto(void **state)
{
    struct px_model *model = engines_load(&engines_small, PX_DTYPE_AUTO, false);

    (void)state;
    assert_int_equal(px_model_dtype(model), px_cpu_is_fast_in_bf16() ? PX_BF16 : PX_F32);
    px_model_unref(model);
    model = engines_load_as(&engines_small, PX_DTYPE_AUTO, INT8);
    assert_int_equal(px_model_dtype(model), px_cpu_has_int8()          ? PX_S8
                                            : px_cpu_is_fast_in_bf16() ? PX_BF16
                                                                       : PX_F32);
    px_model_unref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("gives the same bits alone and in any batch", test_batches),
        CHECK("gives the same bits alone and in any batch in bf16", test_batches_bf16),
        CHECK("gives the same bits alone and in any batch in int8", test_batches_int8),
        CHECK("answers in int8 as in f32, but for rounding", test_int8_answers),
        CHECK("refuses int8 without int8 weights, and says how to make them", test_int8_refused),
        CHECK("gives bytes that are its floats, truncated", test_bytes_follow_floats),
        CHECK("refuses what it cannot run, and says why", test_refusals),
        CHECK("refuses what is too small to be mirrored", test_too_small),
        CHECK("notices that a model's file was overwritten", test_overwritten_file),
        CHECK("pins its threads and lets go of them", test_pinning),
        CHECK("shares packed weights between workers", test_shared_model),
        CHECK("takes int8 or bf16 by itself where that is faster", test_auto),
    };

    return cmocka_run_group_tests(tests, engines_begin, engines_end);
}
