#include "tests/check.h"

#include <unistd.h>

#include "base/random.h"
#include "tests/model/generator.h"
#include "translate/translate.h"

static char path[] = "/tmp/px-translate-XXXXXX";

/* A network that takes multiples of 32 and was trained on 64x64. */
static const struct px_network_options network = {.architecture = "unet_32",
                                                  .ngf = 4,
                                                  .input_nc = 3,
                                                  .output_nc = 2,
                                                  .norm = PX_NORM_BATCH,
                                                  .dropout = true,
                                                  .crop_size = 64,
                                                  .direction = "AtoB"};

static struct px_translator translator;

static void must(int rc, const struct px_error *err)
{
    if (rc)
        fail_msg("%s", err->message);
}

static int open_all(void **state)
{
    const struct px_engine_options options = {.threads = 2, .first_cpu = -1};
    struct px_error err;
    (void)state;

    close(mkstemp(path));
    generator_write(path, &network, true);
    must(px_model_load(&translator.model, path, PX_F32, &err), &err);
    must(px_engine_create(&translator.engine, &options, &err), &err);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    px_engine_destroy(translator.engine);
    px_model_unref(translator.model);
    return unlink(path);
}

static struct px_image draw(uint32_t width, uint32_t height, uint64_t seed)
{
    struct px_image image;
    struct px_error err;

    must(px_image_init(&image, width, height, 3, &err), &err);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        image.data[i] = (uint8_t)(px_mix64(i / 12 + 7777 * seed) >> 32);
    return image;
}

static void test_norm(void **state)
{
    const struct px_checkpoint *checkpoint = px_model_checkpoint(translator.model);
    (void)state;

    assert_int_equal(px_translate_norm(checkpoint, PX_NORM_BY_CHECKPOINT), PX_TEST_BATCH);
    assert_int_equal(px_translate_norm(checkpoint, PX_NORM_BY_RUNNING), PX_TEST_RUNNING);
    assert_int_equal(px_translate_norm(checkpoint, PX_NORM_BY_BATCH), PX_TEST_BATCH);
}

static void test_fit(void **state)
{
    const struct px_network *n = px_model_network(translator.model);
    struct px_fit fit = px_translate_fit(n, PX_FIT_MODEL, 50, 37);
    (void)state;

    assert_true(fit.width == 64 && fit.height == 64 && fit.final_width == 64);
    fit = px_translate_fit(n, PX_FIT_IMAGE, 50, 37);
    assert_true(fit.width == 64 && fit.height == 64);
    assert_true(fit.final_width == 50 && fit.final_height == 37);
    fit = px_translate_fit(n, PX_FIT_IMAGE, 1, 65);
    assert_true(fit.width == 32 && fit.height == 96);
}

static void test_sizes(void **state)
{
    static const struct {
        enum px_fit_mode fit;
        uint32_t width, height;
    } rows[] = {{PX_FIT_MODEL, 64, 64}, {PX_FIT_IMAGE, 50, 37}, {PX_FIT_SCALE, 50, 37}};
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct px_translate_options options = {.fit = rows[i].fit};
        struct px_image image = draw(50, 37, 1);
        struct px_error err;
        must(px_translate_image(&translator, &options, &image, &err), &err);
        assert_int_equal(image.width, rows[i].width);
        assert_int_equal(image.height, rows[i].height);
        assert_int_equal(image.channels, 2);
        px_image_clear(&image);
    }
}

/* Dropout is drawn per picture, so one with its seed gives the same alone. */
static void test_together(void **state)
{
    enum { N = 5 };
    struct px_image in[N], out[N];
    struct px_translated pictures[N];
    struct px_error err;
    (void)state;

    for (unsigned i = 0; i < N; i++) {
        in[i] = draw(64, 64, i);
        must(px_translate_create_answer(translator.model, &in[i], &out[i], &err), &err);
        pictures[i] = (struct px_translated){&in[i], &out[i], i % 2 == 1, 40 + i};
    }
    must(px_translate_run(&translator, pictures, N, &err), &err);
    for (unsigned i = 0; i < N; i++) {
        const struct px_translate_options options = {PX_FIT_MODEL, i % 2 == 1, 40 + i};
        struct px_image alone = draw(64, 64, i);
        must(px_translate_image(&translator, &options, &alone, &err), &err);
        assert_memory_equal(alone.data, out[i].data, 64 * 64 * 2);
        px_image_clear(&alone);
    }
    for (unsigned i = 0; i < N; i++) {
        px_image_clear(&in[i]);
        px_image_clear(&out[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the checkpoint says the norm unless the user does", test_norm),
        CHECK("a picture is brought to what the network takes", test_fit),
        CHECK("the answer has the size that the fit promises", test_sizes),
        CHECK("pictures together are answered as each alone", test_together),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
