#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/dnn/conv.h"
#include "model/dnn/cpu.h"
#include "model/dnn/parts/tile.h"
#include "model/engine/engine.h"
#include "tests/model/reference.h"

/* The geometries that networks use: down, up as 2x2, PatchGAN's stride 1, and odd channel counts.
 */
static const struct reference_conv shapes[] = {
    {1, 16, 16, 3, 8, 4, 2, 1},   {2, 8, 12, 16, 32, 4, 2, 1}, {1, 2, 2, 64, 64, 4, 2, 1},
    {3, 4, 4, 32, 48, 2, 1, 1},   {1, 9, 7, 6, 5, 4, 1, 1},    {2, 8, 8, 7, 3, 4, 2, 1},
    {1, 1, 1, 128, 64, 2, 1, 1},  {1, 16, 16, 1, 2, 4, 2, 1},  {1, 32, 32, 64, 1, 4, 1, 1},
    {1, 64, 64, 16, 12, 2, 1, 1},
};

struct problem {
    float *x, *w, *b, *y;
    double *want;
    long nx, nw, ny;
};

static float *filled(long n, struct px_random *random)
{
    float *p = malloc((size_t)n * sizeof *p);
    for (long i = 0; i < n; i++) { /* representable in bf16, so that only sums differ */
        p[i] = px_bf16_to_f32(px_f32_to_bf16(px_random_uniform(random) * 2 - 1));
    }
    return p;
}

static void tap_forward(void *context, long x, long w, long y)
{
    struct problem *p = context;
    p->want[y] += (double)p->x[x] * (double)p->w[w];
}

static void tap_data(void *context, long x, long w, long y)
{
    struct problem *p = context;
    p->want[x] += (double)p->y[y] * (double)p->w[w];
}

static void tap_weights(void *context, long x, long w, long y)
{
    struct problem *p = context;
    p->want[w] += (double)p->y[y] * (double)p->x[x];
}

static void make_problem(const struct reference_conv *s, struct problem *p)
{
    struct px_random random;
    px_random_seed(&random, (uint64_t)(s->ic * 1000 + s->oc));
    p->nx = (long)s->n * s->ih * s->iw * s->ic;
    p->nw = (long)s->oc * s->ic * s->kernel * s->kernel;
    p->ny = (long)s->n * reference_out(s, s->ih) * reference_out(s, s->iw) * s->oc;
    p->x = filled(p->nx, &random);
    p->w = filled(p->nw, &random);
    p->y = filled(p->ny, &random);
    p->b = filled(s->oc, &random);
}

static void free_problem(struct problem *p)
{
    free(p->x);
    free(p->w);
    free(p->y);
    free(p->b);
    free(p->want);
}

static void *as(enum px_dtype dtype, const float *from, long n)
{
    float *f = aligned_alloc(64, ((size_t)n * 4 + 63) / 64 * 64);
    uint16_t *h = (uint16_t *)f;
    for (long i = 0; i < n; i++) {
        if (dtype == PX_F32)
            f[i] = from[i];
        else
            h[i] = px_f32_to_bf16(from[i]);
    }
    return f;
}

static double value(enum px_dtype dtype, const void *data, long i)
{
    return dtype == PX_F32 ? (double)((const float *)data)[i]
                           : (double)px_bf16_to_f32(((const uint16_t *)data)[i]);
}

/* f32: the terms are summed in another order, so n * 2^-24 of the sum of magnitudes (each <= 1)
 * bounds the error; bf16 results add one rounding of 2^-8 relative. */
static void compare(const char *what, enum px_dtype dtype, const void *got, const double *want,
                    long n)
{
    for (long i = 0; i < n; i++) {
        double tolerance = 2e-4 + (dtype == PX_BF16 ? fabs(want[i]) / 128 : 0);
        double v = value(dtype, got, i);
        if (!(fabs(v - want[i]) <= tolerance))
            fail_msg("%s: element %ld is %g, not %g", what, i, v, want[i]);
    }
}

/* The convolution of a shape, but for its types; forward with bias and LeakyReLU. */
static struct px_conv_desc desc_of(const struct reference_conv *s, enum px_conv_pass pass)
{
    return (struct px_conv_desc){.pass = pass,
                                 .n = s->n,
                                 .ih = s->ih,
                                 .iw = s->iw,
                                 .ic = s->ic,
                                 .oc = s->oc,
                                 .kernel = s->kernel,
                                 .stride = s->stride,
                                 .pad = s->pad,
                                 .bias = pass == PX_CONV_FORWARD,
                                 .relu = pass == PX_CONV_FORWARD,
                                 .slope = 0.2f};
}

static void run_shape(const struct reference_conv *s, enum px_conv_pass pass, enum px_dtype dtype)
{
    struct problem p = {0};
    struct px_dnn *dnn = NULL;
    struct px_conv *conv = NULL;
    struct px_error err = {0};
    char what[200];
    bool weights_pass = pass == PX_CONV_BACKWARD_WEIGHTS;
    struct px_conv_desc desc = desc_of(s, pass);

    desc.src = desc.dst = dtype;
    desc.weights = weights_pass ? PX_F32 : dtype;

    make_problem(s, &p);
    long n_out = pass == PX_CONV_FORWARD ? p.ny : weights_pass ? p.nw : p.nx;
    p.want = calloc((size_t)n_out, sizeof *p.want);
    reference_conv_taps(s,
                        pass == PX_CONV_FORWARD ? tap_forward
                        : weights_pass          ? tap_weights
                                                : tap_data,
                        &p);
    if (pass == PX_CONV_FORWARD)
        for (long i = 0; i < n_out; i++) {
            p.want[i] += (double)p.b[i % s->oc];
            p.want[i] = p.want[i] < 0 ? (double)0.2f * p.want[i] : p.want[i];
        }

    if (px_dnn_create(&dnn, 2, &err) || px_conv_create(&conv, dnn, &desc, &err))
        fail_msg("%s", err.message);
    snprintf(what, sizeof what, "pass %d dtype %s shape %d (%s)", (int)pass, px_dtype_name(dtype),
             (int)(s - shapes), px_conv_implementation(conv));
    void *x = as(dtype, p.x, p.nx), *y = as(dtype, p.y, p.ny);
    void *w = aligned_alloc(64, (px_conv_weights_size(conv) + 63) / 64 * 64);
    float *plain = malloc((size_t)p.nw * sizeof *plain);
    if (!weights_pass && px_conv_pack(conv, p.w, w, &err))
        fail_msg("%s: %s", what, err.message);
    const struct px_conv_buffers buffers = {.src = x, .weights = w, .bias = p.b, .dst = y};
    if (px_conv_run(conv, &buffers, &err))
        fail_msg("%s: %s", what, err.message);
    if (weights_pass && px_conv_unpack(conv, w, plain, &err))
        fail_msg("%s: %s", what, err.message);
    if (getenv("PX_VERBOSE"))
        print_message("# %s\n", what);
    compare(what, weights_pass ? PX_F32 : dtype,
            pass == PX_CONV_FORWARD ? y
            : weights_pass          ? (void *)plain
                                    : x,
            p.want, n_out);
    free(x);
    free(y);
    free(w);
    free(plain);
    px_conv_destroy(conv);
    px_dnn_destroy(dnn);
    free_problem(&p);
}

/* Whole numbers from least to most. */
static void fill_whole(float *p, long n, int least, int most)
{
    struct px_random random;

    px_random_seed(&random, 5);
    for (long i = 0; i < n; i++)
        p[i] = (float)(least + (int)px_random_below(&random, (uint32_t)(most - least + 1)));
}

/* The sums are exact; what is off is their conversion to f32, the product with the scale, the sum
 * with the bias and the slope (2^-24 each), and for bf16 one rounding of 2^-8. */
static void compare_int8(const char *what, const struct problem *p, const float *scale, int oc,
                         enum px_dtype dtype, const void *got)
{
    for (long i = 0; i < p->ny; i++) {
        double sum = p->want[i] * (double)scale[i % oc], bias = (double)p->b[i % oc];
        double want = sum + bias < 0 ? (double)0.2f * (sum + bias) : sum + bias;
        double tolerance = ldexp(4 * (fabs(sum) + fabs(bias)), -24);

        tolerance += dtype == PX_BF16 ? ldexp(fabs(want), -8) : 0;
        if (!(fabs(value(dtype, got, i) - want) <= tolerance))
            fail_msg("%s: element %ld is %g, not %g", what, i, value(dtype, got, i), want);
    }
}

static void *bytes_of(const float *from, long n)
{
    uint8_t *to = aligned_alloc(64, ((size_t)n + 63) / 64 * 64);

    for (long i = 0; i < n; i++)
        to[i] = (uint8_t)(int)from[i];
    return to;
}

static void run_int8(const struct reference_conv *s, enum px_dtype src, enum px_dtype dst)
{
    struct problem p = {0};
    struct px_dnn *dnn = NULL;
    struct px_conv *conv = NULL;
    struct px_error err = {0};
    char what[200];
    float scale[64];
    struct px_conv_desc desc = desc_of(s, PX_CONV_FORWARD);

    desc.src = src;
    desc.weights = PX_S8;
    desc.dst = dst;

    make_problem(s, &p);
    fill_whole(p.x, p.nx, src == PX_U8 ? 0 : -127, src == PX_U8 ? 255 : 127);
    fill_whole(p.w, p.nw, -127, 127);
    for (int c = 0; c < s->oc; c++)
        scale[c] = (c % 3 == 2 ? -1e-4f : 1e-4f) * (float)(c + 1);
    p.want = calloc((size_t)p.ny, sizeof *p.want);
    reference_conv_taps(s, tap_forward, &p);
    if (px_dnn_create(&dnn, 2, &err) || px_conv_create(&conv, dnn, &desc, &err))
        fail_msg("%s", err.message);
    snprintf(what, sizeof what, "%s to %s, shape %d (%s)", px_dtype_name(src), px_dtype_name(dst),
             (int)(s - shapes), px_conv_implementation(conv));
    void *x = bytes_of(p.x, p.nx), *y = as(dst, p.y, p.ny);
    void *w = aligned_alloc(64, (px_conv_weights_size(conv) + 63) / 64 * 64);
    const struct px_conv_buffers buffers = {
        .src = x, .weights = w, .bias = p.b, .dst = y, .scale = scale};
    if (px_conv_pack(conv, p.w, w, &err) || px_conv_run(conv, &buffers, &err))
        fail_msg("%s: %s", what, err.message);
    compare_int8(what, &p, scale, s->oc, dst, y);
    free(x);
    free(y);
    free(w);
    px_conv_destroy(conv);
    px_dnn_destroy(dnn);
    free_problem(&p);
}

static void test_int8(void **state)
{
    (void)state;
    NEEDS(px_cpu_has_int8(), "int8");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        run_int8(&shapes[i], PX_U8, PX_F32);
        run_int8(&shapes[i], PX_S8, PX_F32);
        if (px_dnn_has_bf16()) {
            run_int8(&shapes[i], PX_U8, PX_BF16);
            run_int8(&shapes[i], PX_S8, PX_BF16);
        }
    }
}

static void run_all(enum px_conv_pass pass, enum px_dtype dtype)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        run_shape(&shapes[i], pass, dtype);
}

static void test_forward(void **state)
{
    (void)state;
    run_all(PX_CONV_FORWARD, PX_F32);
}

static void test_forward_bf16(void **state)
{
    (void)state;
    NEEDS(px_dnn_has_bf16(), "bf16");
    run_all(PX_CONV_FORWARD, PX_BF16);
}

static void test_data(void **state)
{
    (void)state;
    run_all(PX_CONV_BACKWARD_DATA, PX_F32);
}

static void test_weights(void **state)
{
    (void)state;
    run_all(PX_CONV_BACKWARD_WEIGHTS, PX_F32);
}

static void test_backward_bf16(void **state)
{
    (void)state;
    NEEDS(px_dnn_has_bf16(), "bf16");
    run_all(PX_CONV_BACKWARD_DATA, PX_BF16);
    run_all(PX_CONV_BACKWARD_WEIGHTS, PX_BF16);
}

static void test_tile(void **state)
{
    enum { PITCH = PX_TILE + 3 };
    float in[PX_TILE * PITCH], out[PX_TILE * PITCH];
    (void)state;

    for (int i = 0; i < PX_TILE * PITCH; i++)
        in[i] = (float)i;
    for (int wide = 0; wide < 2; wide++) {
        memset(out, 0, sizeof out);
        px_tile_transpose(in, PITCH, out, PITCH, wide);
        for (int r = 0; r < PX_TILE; r++)
            for (int c = 0; c < PITCH; c++)
                assert_true(out[r * PITCH + c] == (c < PX_TILE ? in[c * PITCH + r] : 0));
    }
}

static void test_refused(void **state)
{
    struct px_dnn *dnn;
    struct px_conv *conv = NULL;
    struct px_error err = {0};
    const struct px_conv_desc desc = {
        .n = 1, .ih = 2, .iw = 2, .ic = 1, .oc = 1, .kernel = 4, .stride = 2, .pad = 0};
    (void)state;

    assert_int_equal(px_dnn_create(&dnn, 1, &err), 0);
    assert_int_not_equal(px_conv_create(&conv, dnn, &desc, &err), 0);
    assert_null(conv);
    assert_true(err.message[0] != 0);
    px_dnn_destroy(dnn);
}

/* The work of a 4x4 convolution with stride 2 of 16 to 32 channels on `side` pixels. */
static struct px_conv_work work_on(struct px_dnn *dnn, int side, size_t *weights)
{
    const struct px_conv_desc desc = {
        .n = 3, .ih = side, .iw = side, .ic = 16, .oc = 32, .kernel = 4, .stride = 2, .pad = 1};
    struct px_conv *conv;
    struct px_error err = {0};

    assert_int_equal(px_conv_create(&conv, dnn, &desc, &err), 0);
    struct px_conv_work work = px_conv_work_of(conv);
    *weights = px_conv_weights_size(conv);
    px_conv_destroy(conv);
    return work;
}

static void test_work(void **state)
{
    const double pair = 2e-9 * 3 * 16 * 32; /* one tap at one pixel */
    struct px_dnn *dnn;
    struct px_error err = {0};
    size_t weights;
    (void)state;

    assert_int_equal(px_dnn_create(&dnn, 1, &err), 0);
    struct px_conv_work work = work_on(dnn, 2, &weights); /* one result, of the middle 2x2 taps */
    assert_float_equal(work.gflop, pair * 4, 1e-12);
    assert_float_equal(work.weight_bytes, (double)weights / 4, 1e-3);
    work = work_on(dnn, 8, &weights); /* 4 results in a row, of which two lack one tap */
    assert_float_equal(work.gflop, pair * 14 * 14, 1e-12);
    assert_float_equal(work.weight_bytes, (double)weights, 1e-3);
    px_dnn_destroy(dnn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("f32 forward with bias and leaky ReLU equals the definition", test_forward),
        CHECK("bf16 forward equals the definition", test_forward_bf16),
        CHECK("int8 forward adds exactly", test_int8),
        CHECK("the gradient by data equals the definition", test_data),
        CHECK("the gradient by weights equals the definition", test_weights),
        CHECK("bf16 gradients equal the definition, those by weights in f32", test_backward_bf16),
        CHECK("weights are transposed alike with narrow and wide registers", test_tile),
        CHECK("work counts neither the border nor the weights that only it meets", test_work),
        CHECK("an impossible convolution is refused with a message", test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
