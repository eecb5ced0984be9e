#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "trainer/nn/init.h"
#include "trainer/nn/patchgan.h"

enum { OUT = 48, IN = 20, KERNEL = 4, COUNT = OUT * IN * KERNEL * KERNEL };

static const int64_t shape[4] = {OUT, IN, KERNEL, KERNEL};

static void fill(enum px_init_type type, double gain, const int64_t dims[4], float *weight)
{
    const struct px_init init = {type, gain};
    struct px_random random;

    px_random_seed(&random, 5);
    assert_int_equal(px_init_weight(&init, weight, dims, &random, NULL), 0);
}

/* With 15360 draws mean and deviation are known to 1 %; five times that is allowed. */
static void assert_normal(const float *weight, double mean, double deviation)
{
    double sum = 0, square = 0;

    for (int i = 0; i < COUNT; i++) {
        sum += (double)weight[i];
        square += ((double)weight[i] - mean) * ((double)weight[i] - mean);
    }
    assert_true(fabs(sum / COUNT - mean) < 0.05 * deviation);
    assert_true(fabs(sqrt(square / COUNT) / deviation - 1) < 0.05);
}

static void test_fans(void **state)
{
    static float weight[COUNT];
    const int64_t turned[4] = {IN, OUT, KERNEL, KERNEL};
    const struct px_init init = {PX_INIT_KAIMING, 0.3};
    struct px_random random;
    (void)state;

    fill(PX_INIT_NORMAL, 0.02, shape, weight);
    assert_normal(weight, 0, 0.02);
    fill(PX_INIT_XAVIER, 0.5, shape, weight);
    assert_normal(weight, 0, 0.5 * sqrt(2.0 / ((OUT + IN) * 16)));
    fill(PX_INIT_KAIMING, 0.02, shape, weight);
    assert_normal(weight, 0, sqrt(2.0 / (IN * 16)));
    fill(PX_INIT_KAIMING, 0.02, turned, weight); /* a transposed convolution of IN to OUT */
    assert_normal(weight, 0, sqrt(2.0 / (OUT * 16)));
    px_random_seed(&random, 6);
    px_init_gamma(&init, weight, COUNT, &random);
    assert_normal(weight, 1, 0.3);
}

static double product(const float *a, const float *b, int n, int stride)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)a[i * stride] * (double)b[i * stride];
    return sum;
}

static void test_orthogonal(void **state)
{
    static float wide[COUNT];
    const int64_t tall_shape[4] = {40, 3, 2, 2}, square_shape[4] = {12, 12, 1, 1};
    float tall[40 * 12], square[12 * 12];
    (void)state;

    fill(PX_INIT_ORTHOGONAL, 2, shape, wide);
    for (int i = 0; i < OUT; i++)
        for (int j = 0; j < OUT; j++) {
            double p = product(wide + i * IN * 16, wide + j * IN * 16, IN * 16, 1);
            assert_true(fabs(p - (i == j ? 4 : 0)) < 1e-5);
        }
    fill(PX_INIT_ORTHOGONAL, 0.5, tall_shape, tall);
    fill(PX_INIT_ORTHOGONAL, 1, square_shape, square);
    for (int i = 0; i < 12; i++)
        for (int j = 0; j < 12; j++) {
            assert_true(fabs(product(tall + i, tall + j, 40, 12) - (i == j ? 0.25 : 0)) < 1e-6);
            assert_true(fabs(product(square + i, square + j, 12, 12) - (i == j)) < 1e-6);
        }
}

static size_t parameters_of(int n_layers, enum px_norm norm, int ndf)
{
    const struct px_patchgan_form form = {6, ndf, n_layers, norm};
    struct px_parameters p = {0};

    assert_int_equal(px_patchgan_parameters(&p, &form, NULL), 0);
    size_t n = p.trainable;
    px_parameters_clear(&p);
    return n;
}

static void test_discriminators(void **state)
{
    (void)state;

    assert_int_equal(parameters_of(1, PX_NORM_BATCH, 64), 139585);
    assert_int_equal(parameters_of(2, PX_NORM_BATCH, 64), 666433);
    assert_int_equal(parameters_of(3, PX_NORM_BATCH, 64), 2768705);
    assert_int_equal(parameters_of(3, PX_NORM_INSTANCE, 64), 2767809);
    assert_int_equal(parameters_of(4, PX_NORM_BATCH, 64), 6964033);
    assert_int_equal(parameters_of(5, PX_NORM_BATCH, 64), 11159361);
    assert_int_equal(parameters_of(6, PX_NORM_BATCH, 64), 15354689);
    assert_int_equal(parameters_of(0, PX_NORM_BATCH, 64), 9024);
    assert_int_equal(px_patchgan_map(1, 256), 126);
    assert_int_equal(px_patchgan_map(3, 256), 30);
    assert_int_equal(px_patchgan_map(6, 256), 2);
    assert_int_equal(px_patchgan_map(0, 256), 256);
    assert_true(px_patchgan_map(4, 32) < 1);
}

/* The largest of them in use: forward gives a map of the announced size. */
static void test_deep(void **state)
{
    struct px_patchgan_options o = {.form = {2, 1, 6, PX_NORM_INSTANCE},
                                    .height = 192,
                                    .width = 192,
                                    .n = 1,
                                    .groups = 1,
                                    .threads = 2,
                                    .dtype = PX_F32,
                                    .train_input = true};
    struct px_parameters p = {0};
    struct px_dnn *dnn;
    struct px_weights *weights;
    struct px_patchgan *d;
    struct px_random random;
    const struct px_init init = {PX_INIT_NORMAL, 0.1};
    const float *logits;
    size_t count;
    (void)state;

    px_random_seed(&random, 3);
    assert_int_equal(px_dnn_create(&dnn, 2, NULL), 0);
    assert_int_equal(px_patchgan_parameters(&p, &o.form, NULL), 0);
    assert_int_equal(px_parameters_draw(&p, &init, &random, NULL), 0);
    assert_int_equal(px_weights_create(&weights, &p, 2, false, NULL), 0);
    assert_int_equal(px_patchgan_create(&d, dnn, weights, &o, NULL), 0);
    float *in = px_patchgan_input(d);
    for (int i = 0; i < 192 * 192 * 2; i++)
        in[i] = px_random_normal(&random);
    px_weights_refresh(weights);
    assert_int_equal(px_patchgan_forward(d, &logits, &count, NULL), 0);
    assert_int_equal(count, 1);
    px_patchgan_logits_gradient(d)[0] = 1;
    assert_int_equal(px_patchgan_backward(d, NULL, NULL), 0);
    double sum = 0;
    for (int i = 0; i < 192 * 192 * 2; i++)
        sum += fabs((double)px_patchgan_input_gradient(d)[i]);
    assert_true(sum > 0 && isfinite(sum));
    px_patchgan_destroy(d);
    px_weights_destroy(weights);
    px_parameters_clear(&p);
    px_dnn_destroy(dnn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("normal, xavier and kaiming have the deviations of torch's fans", test_fans),
        CHECK("orthogonal rows, or columns of a tall matrix, are orthonormal", test_orthogonal),
        CHECK("discriminators have as many parameters as the reference's", test_discriminators),
        CHECK("six layers run forward and back on the smallest picture", test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
