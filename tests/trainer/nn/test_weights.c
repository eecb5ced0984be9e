#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trainer/nn/has_winograd.h"
#include "trainer/nn/parts/floats.h"
#include "trainer/nn/parts/weights.h"

/* What px_weights does in blocks, against the same on whole tensors: Adam over the plain gradient,
 * then packing the result with px_conv_pack(). */

enum { THREADS = 3 };

struct shape {
    int ic, oc, kernel;
    int winograd; /* the side for forward and backward by data; 0: oneDNN's */
};

/* Whole cells and pieces of cells, few and odd channels, more taps than a block has. */
static const struct shape shapes[] = {{64, 64, 4, 0}, {3, 64, 4, 0},   {64, 1, 4, 0},
                                      {40, 72, 4, 0}, {33, 50, 3, 0},  {128, 3, 7, 0},
                                      {70, 17, 1, 0}, {256, 512, 4, 0}};

/* The same with a transform, of all kinds: 4x4 with stride 2, 3x3, 4x4 with stride 1. */
static const struct shape transformed[] = {{72, 40, 4, 2}, {40, 24, 3, 4}, {32, 72, 4, 3}};

struct setup {
    struct px_parameters parameters;
    struct px_dnn *dnn;
    struct px_weights *weights;
    struct px_conv *forward, *by_input, *by_weight;
    void *packed_forward, *packed_by_input;
    int index;
    size_t count;
};

static void make(struct setup *s, const struct shape *shape, enum px_dtype dtype, bool accumulate)
{
    const int64_t dims[4] = {shape->oc, shape->ic, shape->kernel, shape->kernel};
    struct px_error err = {0};
    struct px_conv_desc d = {.n = 1,
                             .ih = 8,
                             .iw = 8,
                             .ic = shape->ic,
                             .oc = shape->oc,
                             .kernel = shape->kernel,
                             .stride = shape->kernel == 4 && shape->winograd < 3 ? 2 : 1,
                             .pad = shape->kernel == 4,
                             .src = dtype,
                             .weights = dtype,
                             .dst = dtype,
                             .winograd = dtype == PX_F32 ? shape->winograd : 0};
    struct px_random random;

    memset(s, 0, sizeof *s);
    assert_int_equal(
        px_parameters_add(&s->parameters, "before", PX_PARAMETER_WEIGHT, dims, 4, &err), 0);
    s->index = px_parameters_add(&s->parameters, "w", PX_PARAMETER_WEIGHT, dims, 4, &err);
    s->count = s->parameters.list[s->index].count;
    assert_int_equal(px_parameters_allocate(&s->parameters, &err), 0);
    px_random_seed(&random, 5);
    for (size_t i = 0; i < s->parameters.total; i++)
        s->parameters.value[i] = px_random_uniform(&random) - 0.5f;
    assert_int_equal(px_dnn_create(&s->dnn, THREADS, &err), 0);
    assert_int_equal(px_weights_create(&s->weights, &s->parameters, THREADS, accumulate, &err), 0);
    assert_int_equal(px_conv_create(&s->forward, s->dnn, &d, &err), 0);
    d.pass = PX_CONV_BACKWARD_DATA;
    assert_int_equal(px_conv_create(&s->by_input, s->dnn, &d, &err), 0);
    d.pass = PX_CONV_BACKWARD_WEIGHTS;
    d.weights = PX_F32;
    d.winograd = 0;
    assert_int_equal(px_conv_create(&s->by_weight, s->dnn, &d, &err), 0);
    assert_int_equal(px_weights_borrow(s->weights, s->index, s->forward, &s->packed_forward, &err),
                     0);
    assert_int_equal(
        px_weights_borrow(s->weights, s->index, s->by_input, &s->packed_by_input, &err), 0);
    assert_int_equal(px_weights_enable_gradients(s->weights, s->index, s->by_weight, &err), 0);
    px_weights_refresh(s->weights);
}

static void release(struct setup *s)
{
    px_conv_destroy(s->forward);
    px_conv_destroy(s->by_input);
    px_conv_destroy(s->by_weight);
    px_weights_destroy(s->weights);
    px_parameters_clear(&s->parameters);
    px_dnn_destroy(s->dnn);
}

/* Fills the gradient's buffer with noise and gives it in plain order. */
static void draw_gradient(struct setup *s, uint64_t seed, float *plain)
{
    size_t n = px_conv_weights_size(s->by_weight) / sizeof(float);
    float *packed = px_weights_gradient(s->weights);
    struct px_random random;

    px_random_seed(&random, seed);
    for (size_t i = 0; i < n; i++)
        packed[i] = px_random_uniform(&random) - 0.5f;
    assert_int_equal(px_conv_unpack(s->by_weight, packed, plain, NULL), 0);
}

static void assert_packed(const struct setup *s, struct px_conv *conv, const void *packed)
{
    size_t bytes = px_conv_weights_size(conv);
    const float *value = s->parameters.value + s->parameters.list[s->index].offset;
    void *want = px_elements(bytes / 2, PX_BF16);

    assert_int_equal(px_conv_pack(conv, value, want, NULL), 0);
    assert_memory_equal(packed, want, bytes);
    free(want);
}

static void check_update(const struct shape *shape, enum px_dtype dtype, int parts)
{
    const struct px_adam adam = {1e-2, 0.5, 0.999, 1e-8, 1};
    struct px_update update = {.parts = parts};
    struct setup s;

    make(&s, shape, dtype, parts > 1);
    assert_packed(&s, s.forward, s.packed_forward);
    size_t offset = s.parameters.list[s.index].offset;
    float *before = px_floats(s.parameters.total), *gradient = px_floats(s.count);
    double *sum = calloc(s.count, sizeof *sum);
    memcpy(before, s.parameters.value, s.parameters.total * sizeof *before);
    px_adam_factors(&adam, &update.adam);
    for (update.part = 0; update.part < parts; update.part++) {
        assert_memory_equal(before, s.parameters.value, s.parameters.total * sizeof *before);
        draw_gradient(&s, 7 + (uint64_t)update.part, gradient);
        for (size_t i = 0; i < s.count; i++)
            sum[i] += (double)gradient[i] / parts;
        px_weights_load_from(s.weights, s.index, &update);
    }
    assert_memory_equal(before, s.parameters.value, offset * sizeof *before);
    for (size_t i = 0; i < s.count; i++) { /* the first step is lr * sign(gradient), nearly */
        double want = (double)before[offset + i] - 1e-2 * sum[i] / (fabs(sum[i]) + 1e-8);
        if (!(fabs((double)s.parameters.value[offset + i] - want) < 1e-5))
            fail_msg("weight %zu is %g, not %g", i, (double)s.parameters.value[offset + i], want);
        assert_true(fabs((double)s.parameters.m[offset + i] - 0.5 * sum[i]) < 1e-6);
    }
    assert_packed(&s, s.forward, s.packed_forward);
    assert_packed(&s, s.by_input, s.packed_by_input);
    free(before);
    free(gradient);
    free(sum);
    release(&s);
}

static void test_f32(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_update(&shapes[i], PX_F32, 1);
    check_update(&shapes[3], PX_F32, 3);
}

static void test_winograd(void **state)
{
    (void)state;
    NEEDS(has_winograd(), "AVX2");
    for (size_t i = 0; i < sizeof transformed / sizeof *transformed; i++)
        check_update(&transformed[i], PX_F32, 1);
}

static void test_bf16(void **state)
{
    (void)state;
    NEEDS(px_dnn_has_bf16(), "bf16");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_update(&shapes[i], PX_BF16, 1);
    check_update(&shapes[3], PX_BF16, 3);
}

static void test_shared(void **state)
{
    struct setup s;
    struct px_conv *other;
    void *packed;
    struct px_error err = {0};
    struct px_conv_desc d = {.n = 1,
                             .ih = 8,
                             .iw = 8,
                             .ic = 64,
                             .oc = 64,
                             .kernel = 4,
                             .stride = 2,
                             .pad = 1,
                             .src = PX_F32,
                             .weights = PX_F32,
                             .dst = PX_F32};
    (void)state;

    make(&s, &shapes[0], PX_F32, false);
    assert_int_equal(px_conv_create(&other, s.dnn, &d, &err), 0);
    assert_int_equal(px_weights_borrow(s.weights, s.index, other, &packed, &err), 0);
    assert_ptr_equal(packed, s.packed_forward);
    assert_int_equal(px_weights_borrow(s.weights, 0, other, &packed, &err), 0);
    assert_ptr_not_equal(packed, s.packed_forward); /* another parameter */
    px_conv_destroy(other);
    release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("an update gives Adam's weights and packs them, in f32", test_f32),
        CHECK("an update gives Adam's weights and transforms them", test_winograd),
        CHECK("an update gives Adam's weights and packs them, in bf16", test_bf16),
        CHECK("convolutions that want the same layout share one copy", test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
