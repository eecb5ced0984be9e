#include "tests/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "model/engine/capacity.h"
#include "model/engine/engine.h"
#include "tests/model/generator.h"

enum { SIDE = 64 };

/* Bytes of the weights of a generator that has run a picture of its own size in every norm mode. */
static size_t packed(struct px_model *model)
{
    static float in[SIDE * SIDE * 3], out[SIDE * SIDE * 3];
    const float *ins[] = {in};
    float *outs[] = {out};
    const struct px_engine_options options = {.threads = 2, .first_cpu = -1};
    struct px_batch batch = {.n = 1,
                             .height = SIDE,
                             .width = SIDE,
                             .norm = PX_TEST_BATCH,
                             .in_f32 = ins,
                             .out_f32 = outs};
    struct px_engine *engine;
    struct px_error err;

    if (px_engine_create(&engine, &options, &err) || px_engine_run(engine, model, &batch, &err))
        fail_msg("%s", err.message);
    batch.norm = PX_TEST_RUNNING;
    if (px_model_check_norm(model, batch.norm, NULL) == 0 &&
        px_engine_run(engine, model, &batch, &err))
        fail_msg("%s", err.message);
    px_engine_destroy(engine);
    return px_model_memory(model);
}

/* But for padding and the few numbers beside the weights. With 32 filters most layers are
 * Winograd's, whose weights are several times the parameters. */
static void check_weights(bool running)
{
    static const char *const names[] = {"resnet_2blocks", "unet_64"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct px_network_options options = {names[i],      32,   3,    3,
                                                   PX_NORM_BATCH, true, SIDE, "AtoB"};
        char path[] = "/tmp/px_capacity_XXXXXX";
        struct px_model *model = NULL;
        struct px_error err;

        assert_true(close(mkstemp(path)) == 0);
        generator_write(path, &options, running);
        if (px_model_load(&model, path, PX_F32, &err))
            fail_msg("%s", err.message);
        size_t expected = px_capacity_weights(model);
        assert_in_range(packed(model), expected, expected + expected / 20);
        px_model_unref(model);
        unlink(path);
    }
}

static void test_weights(void **state)
{
    (void)state;

    check_weights(false);
    check_weights(true); /* folded into a second pack */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("expects weights to take what they take", test_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
