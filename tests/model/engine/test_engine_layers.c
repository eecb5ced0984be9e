#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "model/engine/layer_times.h"
#include "model/engine/observer.h"
#include "tests/model/engine/engines.h"

/* A run of the engine layer by layer: stopped, timed, observed and changed. */

/* Says stop after `*context` questions. */
static bool stop_after(void *context)
{
    int *left = context;

    return (*left)-- == 0;
}

static void test_stop(void **state)
{
    struct px_model *model = engines_load(&engines_small, PX_F32, false);
    struct px_engine *engine = engines_start(1, 0);
    struct pictures *p = pictures_draw();
    struct px_batch plain = pictures_batch(p, 0, 2, 64), stopped = plain;
    struct px_error err;
    int left = 1000;
    size_t size = 64 * 64 * 3;

    (void)state;
    engines_run(engine, model, &plain);
    uint8_t *wanted = malloc(size);
    memcpy(wanted, plain.out[1], size);
    stopped.stop = stop_after;
    stopped.stop_context = &left;
    engines_run(engine, model, &stopped);
    int layers = 1000 - left;
    assert_in_range(layers, 2, 100);
    for (int i = 0; i < layers; i++) {
        left = i;
        assert_int_equal(px_engine_run(engine, model, &stopped, &err), -PX_E_INTERRUPTED);
    }
    engines_run(engine, model, &plain);
    assert_memory_equal(plain.out[1], wanted, size);
    free(wanted);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_profile(void **state)
{
    struct px_engine *engine = engines_start(2, 0);
    struct px_model *model = engines_load(&engines_small, PX_F32, false);
    const struct px_network *network = px_model_network(model);
    struct pictures *p = pictures_draw();
    const struct px_batch batch = pictures_batch(p, 0, 2, 64);
    struct px_layer_times profile = {0}, before;
    int64_t start_ns = px_now_ns(), sum;

    (void)state;
    px_engine_profile(engine, &profile);
    engines_run(engine, model, &batch);
    sum = profile.in_ns;
    assert_in_range(profile.in_ns, 1, INT64_MAX);
    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer_profile *layer = &profile.layers[i];

        assert_in_range(layer->convolution_ns, 1, INT64_MAX);
        sum += layer->convolution_ns + layer->statistics_ns + layer->pass_ns;
        assert_string_equal(layer->algorithm,
                            network->layers[i].transposed ? "fourfold" : "native");
        assert_non_null(strchr(layer->implementation, ':'));
        assert_int_equal(layer->dtype, PX_F32);
    }
    assert_in_range(sum, 1, px_now_ns() - start_ns);
    before = profile;
    px_engine_profile(engine, NULL);
    engines_run(engine, model, &batch);
    assert_memory_equal(&before, &profile, sizeof profile);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

struct seen { /* by an observer, in one run of network on n pictures */
    const struct px_network *network;
    int n, calls;
    float first[2];             /* elements of the first layer's input */
    float least[PX_MAX_LAYERS]; /* of each layer's */
};

static void *see(void *context, int layer, const struct px_grid *in)
{
    struct seen *seen = context;
    const float *x = in->data;

    assert_int_equal(layer, seen->calls++);
    assert_int_equal(in->channels, seen->network->layers[layer].in_channels);
    assert_int_equal(in->dtype, PX_F32);
    assert_int_equal(in->n, seen->n);
    assert_false(in->depth_to_space);
    if (layer == 0)
        memcpy(seen->first, x, sizeof seen->first);
    for (size_t i = 0; i < px_grid_elements(in); i++)
        if (x[i] < seen->least[layer])
            seen->least[layer] = x[i];
    return NULL;
}

/* Gives the last layer zeros to read. */
static void *blind(void *context, int layer, const struct px_grid *in)
{
    static _Alignas(64) float zeros[1 << 18];
    const struct px_network *network = context;

    assert_true(px_grid_elements(in) <= sizeof zeros / sizeof *zeros);
    return layer == network->layer_count - 1 ? zeros : NULL;
}

static void test_instead(void **state)
{
    struct px_engine *engine = engines_start(2, 0);
    struct px_model *model = engines_load(&engines_small, PX_F32, false);
    struct px_network network = *px_model_network(model);
    struct pictures *before = pictures_draw(), *p = pictures_draw();
    const struct px_batch first = pictures_batch(before, 0, 2, 64),
                          batch = pictures_batch(p, 0, 2, 64);
    const struct px_observer observer = {blind, &network};

    (void)state;
    engines_run(engine, model, &first);
    px_engine_observe(engine, &observer);
    engines_run(engine, model, &batch);
    for (size_t k = 3; k < (size_t)64 * 64 * 3; k++) /* nothing but the bias */
        assert_int_equal(p->out[1][k], p->out[0][k % 3]);
    px_engine_observe(engine, NULL);
    engines_run(engine, model, &batch);
    assert_memory_equal(p->out[1], before->out[1], 64 * 64 * 3);
    free(before);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

static void test_observer(void **state)
{
    struct px_engine *engine = engines_start(2, 0);
    struct px_model *model = engines_load(&engines_small, PX_F32, false);
    struct pictures *p = pictures_draw();
    const struct px_batch batch = pictures_batch(p, 0, 2, 64);
    struct seen seen = {.network = px_model_network(model), .n = 2};
    const struct px_observer observer = {see, &seen};

    (void)state;
    px_engine_observe(engine, &observer);
    engines_run(engine, model, &batch);
    assert_int_equal(seen.calls, seen.network->layer_count);
    for (int k = 0; k < 2; k++)
        assert_float_equal(seen.first[k], p->in[0][k] / 127.5f - 1.0f, 1e-6);
    for (int i = 0; i < seen.calls; i++)
        assert_true(seen.network->layers[i].slope == 0.0f ? seen.least[i] == 0.0f
                                                          : seen.least[i] < 0.0f);
    px_engine_observe(engine, NULL);
    engines_run(engine, model, &batch);
    assert_int_equal(seen.calls, seen.network->layer_count);
    free(p);
    px_model_unref(model);
    px_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("stops before any layer, and answers as before the next time", test_stop),
        CHECK("tells where the time of a run went", test_profile),
        CHECK("shows an observer what the convolutions read", test_observer),
        CHECK("reads what an observer gives instead, for as long as there is one", test_instead),
    };

    return cmocka_run_group_tests(tests, engines_begin, engines_end);
}
