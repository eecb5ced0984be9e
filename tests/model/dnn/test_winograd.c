#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/dnn/conv.h"
#include "model/dnn/parts/dnn_parts.h"
#include "model/dnn/parts/multiply.h"
#include "tests/model/reference.h"

struct sided {
    int side;
    struct reference_conv conv; /* n, ih, iw, ic, oc, kernel, stride, pad */
};

/* All kinds: 2x2 and 4x4 with stride 2 in squares of 2 and 3, 3x3 in squares of 4, 4x4 with stride
 * 1 in squares of 3. Sides that are no multiples of the squares', single pixels, pads of 0 to 2;
 * channels that fill panels and that do not; and enough squares for threads to work apart. */
static const struct sided shapes[] = {
    {2, {3, 5, 7, 16, 24, 2, 1, 1}},   {3, {3, 5, 7, 16, 24, 2, 1, 1}},
    {2, {2, 12, 10, 8, 12, 4, 2, 1}},  {3, {2, 12, 10, 8, 12, 4, 2, 1}},
    {2, {1, 2, 2, 64, 4, 4, 2, 1}},    {3, {1, 1, 1, 24, 20, 2, 1, 1}},
    {3, {1, 9, 11, 40, 36, 2, 1, 0}},  {4, {2, 11, 6, 8, 28, 3, 1, 1}},
    {4, {1, 3, 3, 16, 100, 3, 1, 0}},  {4, {3, 18, 18, 32, 32, 3, 1, 0}},
    {3, {1, 48, 62, 32, 8, 2, 1, 1}},  {2, {2, 30, 34, 8, 8, 4, 2, 1}},
    {4, {1, 50, 47, 8, 8, 3, 1, 2}},   {3, {1, 16, 16, 64, 64, 4, 2, 1}},
    {3, {2, 64, 66, 16, 40, 4, 2, 1}}, {3, {2, 32, 31, 16, 24, 4, 1, 1}},
    {3, {1, 5, 8, 40, 100, 4, 1, 2}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static struct px_conv_desc desc_of(const struct reference_conv *s, int side)
{
    return (struct px_conv_desc){.pass = PX_CONV_FORWARD,
                                 .n = s->n,
                                 .ih = s->ih,
                                 .iw = s->iw,
                                 .ic = s->ic,
                                 .oc = s->oc,
                                 .kernel = s->kernel,
                                 .stride = s->stride,
                                 .pad = s->pad,
                                 .src = PX_F32,
                                 .weights = PX_F32,
                                 .dst = PX_F32,
                                 .bias = true,
                                 .relu = true,
                                 .slope = 0.2f,
                                 .winograd = side};
}

/* The backward pass by data: from results, which it reads, to inputs. */
static struct px_conv_desc back_of(const struct reference_conv *s, int side)
{
    struct px_conv_desc desc = desc_of(s, side);

    desc.pass = PX_CONV_BACKWARD_DATA;
    desc.bias = desc.relu = false;
    return desc;
}

static size_t inputs_of(const struct reference_conv *s)
{
    return (size_t)s->n * (size_t)s->ih * (size_t)s->iw * (size_t)s->ic;
}

static size_t results_of(const struct reference_conv *s)
{
    return (size_t)s->n * (size_t)reference_out(s, s->ih) * (size_t)reference_out(s, s->iw) *
           (size_t)s->oc;
}

static float *floats(size_t n)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);

    assert_non_null(p);
    return p;
}

static float *noise(size_t n, uint64_t seed)
{
    struct px_random random;
    float *p = floats(n);

    px_random_seed(&random, seed);
    for (size_t i = 0; i < n; i++)
        p[i] = px_random_uniform(&random) * 2 - 1;
    return p;
}

struct problem {
    float *x, *w, *b, *y; /* y: what the backward pass reads */
};

static struct problem make_problem(const struct reference_conv *s)
{
    size_t weights = (size_t)s->oc * (size_t)s->ic * (size_t)(s->kernel * s->kernel);

    return (struct problem){noise(inputs_of(s), 1), noise(weights, 2), noise((size_t)s->oc, 3),
                            noise(results_of(s), 4)};
}

static void free_problem(struct problem *p)
{
    free(p->x);
    free(p->w);
    free(p->b);
    free(p->y);
}

/* The results, with a scratchpad that held NaNs. The caller frees them. */
static float *answer(const struct px_conv_desc *desc, const struct problem *p, size_t results,
                     int threads)
{
    bool back = desc->pass == PX_CONV_BACKWARD_DATA;
    struct px_error err = {0};
    struct px_dnn *dnn = NULL;
    struct px_conv *conv = NULL;

    if (px_dnn_create(&dnn, threads, &err) || px_conv_create(&conv, dnn, desc, &err))
        fail_msg("%s", err.message);
    assert_non_null(strstr(px_conv_implementation(conv), "winograd"));
    void *weights = aligned_alloc(64, (px_conv_weights_size(conv) + 63) / 64 * 64);
    float *y = floats(results);
    const struct px_conv_buffers buffers = {
        .src = back ? y : p->x, .weights = weights, .bias = p->b, .dst = back ? p->y : y};
    memset(dnn->scratch, 0xff, dnn->scratch_size);
    memset(y, 0xff, results * sizeof *y);
    memset(weights, 0xff, px_conv_weights_size(conv));
    if (px_conv_pack(conv, p->w, weights, &err) || px_conv_run(conv, &buffers, &err))
        fail_msg("%s", err.message);
    free(weights);
    px_conv_destroy(conv);
    px_dnn_destroy(dnn);
    return y;
}

struct sums {
    const struct problem *problem;
    double *want;
};

static void tap(void *context, long x, long w, long y)
{
    struct sums *s = context;

    s->want[y] += (double)s->problem->x[x] * (double)s->problem->w[w];
}

/* Fails unless all n results are within the tolerance of what is wanted. */
static void expect_near(const float *found, const double *want, size_t n, double tolerance,
                        int shape)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)found[i] - want[i]) <= tolerance))
            fail_msg("shape %d: element %zu is %g, not %g", shape, i, (double)found[i], want[i]);
}

/* Terms are products of noise from -1 to 1, so a sum of n of them is about sqrt(n) / 3. A direct
 * sum is off by 4e-7 of that, these by at most twice as much (model/dnn/parts/minimal.h), and none
 * of some 100,000 by more than six times the root mean square: 2e-6 * sqrt(n). */
static void compare(const struct sided *shape)
{
    const struct reference_conv *s = &shape->conv;
    const struct px_conv_desc desc = desc_of(s, shape->side);
    double tolerance = 2e-6 * sqrt((double)(s->ic * s->kernel * s->kernel));
    size_t n = results_of(s);
    struct problem problem = make_problem(s);
    struct sums sums = {&problem, calloc(n, sizeof(double))};
    float *y = answer(&desc, &problem, n, 2);

    reference_conv_taps(s, tap, &sums);
    for (size_t i = 0; i < n; i++) {
        double want = sums.want[i] + (double)problem.b[i % (size_t)s->oc];

        sums.want[i] = want < 0 ? (double)desc.slope * want : want;
    }
    expect_near(y, sums.want, n, tolerance, (int)(shape - shapes));
    free(sums.want);
    free(y);
    free_problem(&problem);
}

static void back_tap(void *context, long x, long w, long y)
{
    struct sums *s = context;

    s->want[x] += (double)s->problem->y[y] * (double)s->problem->w[w];
}

/* As above, with sums over the other channels and at most as many taps; bits for any threads. */
static void compare_back(const struct sided *shape)
{
    const struct reference_conv *s = &shape->conv;
    const struct px_conv_desc desc = back_of(s, shape->side);
    int taps = s->kernel / s->stride;
    double tolerance = 2e-6 * sqrt((double)(s->oc * taps * taps));
    size_t n = inputs_of(s);
    struct problem problem = make_problem(s);
    struct sums sums = {&problem, calloc(n, sizeof(double))};
    float *x = answer(&desc, &problem, n, 2), *other = answer(&desc, &problem, n, 3);

    assert_memory_equal(x, other, n * sizeof *x);
    free(other);
    reference_conv_taps(s, back_tap, &sums);
    expect_near(x, sums.want, n, tolerance, (int)(shape - shapes));
    free(sums.want);
    free(x);
    free_problem(&problem);
}

static void weight_tap(void *context, long x, long w, long y)
{
    struct sums *s = context;

    s->want[w] += (double)s->problem->x[x] * (double)s->problem->y[y];
}

/* The gradient by weights in plain order, with buffers that held NaNs. The caller frees it. */
static float *gradient(const struct px_conv_desc *desc, const struct problem *p, size_t weights,
                       int threads)
{
    struct px_error err = {0};
    struct px_dnn *dnn = NULL;
    struct px_conv *conv = NULL;

    if (px_dnn_create(&dnn, threads, &err) || px_conv_create(&conv, dnn, desc, &err))
        fail_msg("%s", err.message);
    assert_non_null(strstr(px_conv_implementation(conv), "winograd"));
    float *packed = floats(px_conv_weights_size(conv) / sizeof(float)), *plain = floats(weights);
    const struct px_conv_buffers buffers = {.src = p->x, .weights = packed, .dst = p->y};
    memset(dnn->scratch, 0xff, dnn->scratch_size);
    memset(packed, 0xff, px_conv_weights_size(conv));
    if (px_conv_run(conv, &buffers, &err) || px_conv_unpack(conv, packed, plain, &err))
        fail_msg("%s", err.message);
    free(packed);
    px_conv_destroy(conv);
    px_dnn_destroy(dnn);
    return plain;
}

/* 2x2, 4x4 with stride 2 and 3x3, 4x4, for each of their squares; channels in that are whole blocks
 * and that are not, channels out that end in half a panel, several pictures. */
static const struct sided gradients[] = {
    {2, {3, 5, 7, 16, 32, 2, 1, 1}},   {3, {3, 5, 7, 8, 16, 2, 1, 1}},
    {2, {2, 12, 10, 8, 48, 4, 2, 1}},  {3, {2, 16, 18, 24, 80, 4, 2, 1}},
    {4, {2, 11, 6, 104, 16, 3, 1, 1}}, {4, {1, 18, 18, 56, 64, 3, 1, 0}},
    {3, {2, 16, 15, 56, 48, 4, 1, 1}}, {3, {1, 5, 8, 40, 96, 4, 1, 2}},
};

/* Sums over all pixels of all results, with the tolerance of above; bits for any threads. */
static void compare_gradient(const struct sided *shape)
{
    const struct reference_conv *s = &shape->conv;
    struct px_conv_desc desc = back_of(s, shape->side);
    size_t n = (size_t)s->oc * (size_t)s->ic * (size_t)(s->kernel * s->kernel);
    double tolerance = 2e-6 * sqrt((double)results_of(s) / s->oc);
    struct problem problem = make_problem(s);
    struct sums sums = {&problem, calloc(n, sizeof(double))};

    desc.pass = PX_CONV_BACKWARD_WEIGHTS;
    float *w = gradient(&desc, &problem, n, 1), *other = gradient(&desc, &problem, n, 3);
    assert_memory_equal(w, other, n * sizeof *w);
    reference_conv_taps(s, weight_tap, &sums);
    expect_near(w, sums.want, n, tolerance, (int)(shape - gradients));
    free(sums.want);
    free(w);
    free(other);
    free_problem(&problem);
}

static void test_gradient(void **state)
{
    (void)state;
    NEEDS(px_multiplier_of_cpu(), "AVX2");
    for (size_t i = 0; i < sizeof gradients / sizeof *gradients; i++)
        compare_gradient(&gradients[i]);
}

/* Whether the backward pass by data has channels that fit. */
static bool has_back(const struct reference_conv *s)
{
    return s->oc % 8 == 0;
}

static void test_back(void **state)
{
    (void)state;
    NEEDS(px_multiplier_of_cpu(), "AVX2");
    for (int i = 0; i < SHAPES; i++)
        if (has_back(&shapes[i].conv))
            compare_back(&shapes[i]);
}

static void test_reference(void **state)
{
    (void)state;
    NEEDS(px_multiplier_of_cpu(), "AVX2");
    for (int i = 0; i < SHAPES; i++)
        compare(&shapes[i]);
}

static void test_bits(void **state)
{
    (void)state;
    NEEDS(px_multiplier_of_cpu(), "AVX2");
    for (int i = 0; i < SHAPES; i++) {
        const struct reference_conv *s = &shapes[i].conv;
        struct px_conv_desc desc = desc_of(s, shapes[i].side), alone = desc;
        struct problem all = make_problem(s), last = all;
        size_t n = results_of(s), each = n / (size_t)s->n;
        float *one = answer(&desc, &all, n, 1), *three = answer(&desc, &all, n, 3);

        alone.n = 1;
        last.x += inputs_of(s) / (size_t)s->n * (size_t)(s->n - 1);
        float *single = answer(&alone, &last, each, 2);
        assert_memory_equal(one, three, n * sizeof *one);
        assert_memory_equal(one + n - each, single, each * sizeof *one);
        free(one);
        free(three);
        free(single);
        free_problem(&all);
    }
}

static void test_plain(void **state)
{
    const struct reference_conv s = {1, 9, 9, 16, 8, 3, 1, 1};
    struct px_conv_desc desc = desc_of(&s, 4);
    struct problem p = make_problem(&s);
    float *both, *neither;
    (void)state;

    NEEDS(px_multiplier_of_cpu(), "AVX2");
    both = answer(&desc, &p, results_of(&s), 1);
    desc.bias = desc.relu = false;
    desc.slope = 0;
    neither = answer(&desc, &p, results_of(&s), 1);
    for (size_t i = 0; i < results_of(&s); i++) {
        float y = neither[i] + p.b[i % (size_t)s.oc];
        assert_true(both[i] == (y < 0 ? 0.2f * y : y));
    }
    free(both);
    free(neither);
    free_problem(&p);
}

/* Layers of a unet_256 with ngf 64 and of a resnet_9blocks, whose times are in
 * tests/bench/README.md. */
static void test_choice(void **state)
{
    const struct sided layers[] = {
        {3, {1, 128, 128, 64, 128, 4, 2, 1}}, {3, {1, 64, 64, 128, 256, 4, 2, 1}},
        {2, {1, 32, 32, 256, 512, 4, 2, 1}},  {0, {1, 4, 4, 512, 512, 4, 2, 1}},
        {3, {1, 64, 64, 256, 256, 2, 1, 1}},  {4, {1, 66, 66, 256, 256, 3, 1, 0}},
        {0, {1, 256, 256, 3, 64, 4, 2, 1}},   {0, {1, 262, 262, 64, 12, 8, 2, 0}},
    };
    (void)state;

    NEEDS(px_multiplier_of_cpu(), "AVX2");
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct px_conv_desc desc = desc_of(&layers[i].conv, 0);

        assert_int_equal(px_conv_winograd(&desc), layers[i].side);
        desc.n = 8;
        assert_int_equal(px_conv_winograd(&desc), layers[i].side);
        desc.src = desc.dst = desc.weights = PX_BF16;
        assert_int_equal(px_conv_winograd(&desc), 0);
    }
}

/* Those of a discriminator, too; for each pass. */
static void test_training_choice(void **state)
{
    static const struct {
        struct reference_conv conv;
        int forward, by_data, by_weights;
    } layers[] = {
        {{2, 32, 32, 256, 512, 4, 1, 1}, 3, 3, 3},  {{1, 66, 66, 256, 256, 3, 1, 0}, 4, 4, 4},
        {{1, 128, 128, 64, 128, 4, 2, 1}, 3, 3, 3}, {{1, 32, 32, 256, 512, 4, 2, 1}, 0, 0, 2},
        {{1, 16, 16, 512, 1024, 4, 2, 1}, 0, 0, 0}, {{1, 256, 256, 6, 64, 4, 2, 1}, 0, 0, 0},
    };
    (void)state;

    NEEDS(px_multiplier_of_cpu(), "AVX2");
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct px_conv_desc desc = back_of(&layers[i].conv, 0);

        assert_int_equal(px_conv_winograd_training(&desc), layers[i].by_data);
        assert_int_equal(px_conv_winograd(&desc), 0); /* the engine has its own ways back */
        desc.pass = PX_CONV_BACKWARD_WEIGHTS;
        assert_int_equal(px_conv_winograd_training(&desc), layers[i].by_weights);
        desc.bias = true; /* whose gradient only oneDNN computes */
        assert_int_equal(px_conv_winograd_training(&desc), 0);
        desc.pass = PX_CONV_FORWARD;
        assert_int_equal(px_conv_winograd_training(&desc), layers[i].forward);
        desc.src = desc.dst = desc.weights = PX_BF16;
        assert_int_equal(px_conv_winograd_training(&desc), 0);
    }
}

static void test_refused(void **state)
{
    const struct sided bad[] = {
        {4, {1, 8, 8, 8, 8, 2, 1, 1}},  {2, {1, 8, 8, 8, 8, 3, 1, 1}},
        {3, {1, 8, 8, 7, 8, 2, 1, 1}},  {3, {1, 8, 8, 8, 6, 2, 1, 1}},
        {2, {1, 8, 8, 8, 8, 3, 2, 1}},  {9, {1, 8, 8, 8, 8, 2, 1, 1}},
        {-1, {1, 8, 8, 8, 8, 2, 1, 1}},
    };
    struct px_error err;
    struct px_dnn *dnn;
    (void)state;

    assert_int_equal(px_dnn_create(&dnn, 1, &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct px_conv_desc desc = desc_of(&bad[i].conv, bad[i].side);
        struct px_conv *conv;

        assert_int_equal(px_conv_create(&conv, dnn, &desc, &err), -PX_E_INVALID);
    }
    px_dnn_destroy(dnn);
}

/* 64 to 64 channels, 4x4 with stride 2 on 16x16 pixels: 8x8 results in 3x3 squares of 3x3, each of
 * 16 products for every pair of the 4 * 64 channels in and the 64 out. */
static void test_work(void **state)
{
    const struct px_conv_desc desc = desc_of(&shapes[13].conv, shapes[13].side);
    struct px_error err = {0};
    struct px_dnn *dnn = NULL;
    struct px_conv *conv = NULL;
    (void)state;

    if (px_dnn_create(&dnn, 1, &err) || px_conv_create(&conv, dnn, &desc, &err))
        fail_msg("%s", err.message);
    struct px_conv_work work = px_conv_work_of(conv);
    assert_float_equal(work.gflop, 2e-9 * 9 * 16 * 256 * 64, 1e-9);
    assert_float_equal(work.weight_bytes, 16.0 * 256 * 64 * 4, 1e-3);
    px_conv_destroy(conv);
    px_dnn_destroy(dnn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("gives what a convolution is by definition", test_reference),
        CHECK("gives what its backward pass by data is by definition, with any threads", test_back),
        CHECK("gives what its gradient by weights is by definition, with any threads",
              test_gradient),
        CHECK("gives the same bits in a batch and alone, with any number of threads", test_bits),
        CHECK("leaves bias and activation out if there are none", test_plain),
        CHECK("is chosen for the large layers of networks, whatever the batch", test_choice),
        CHECK("is chosen for the large layers in training, for each pass", test_training_choice),
        CHECK("says how many products it makes", test_work),
        CHECK("refuses what it has no transforms for", test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
