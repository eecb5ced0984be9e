#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trainer/nn/has_winograd.h"
#include "trainer/nn/parts/conv_layer.h"
#include "trainer/nn/parts/floats.h"
#include "trainer/nn/parts/generator_parts.h"
#include "trainer/nn/parts/reflect.h"

/* The backward passes of the layers by finite differences. The loss is a fixed random projection of
 * the result; moving one input by +-h must change it by 2h times the gradient. But for tanh all are
 * linear in each argument, so h may be large and only rounding remains. */

static void fill(float *p, size_t n, uint64_t seed)
{
    struct px_random random;

    px_random_seed(&random, seed);
    for (size_t i = 0; i < n; i++)
        p[i] = px_random_uniform(&random) * 2 - 1;
}

static double project(const float *y, const float *g, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)y[i] * (double)g[i];
    return sum;
}

/* A function of `values` (n floats), which is called again for each of some of them. */
struct probe {
    double (*loss)(void *of);
    void *of;
    float h;
    size_t count; /* at most that many of them; 0: 60 */
};

static void check(const struct probe *p, float *values, const float *gradient, size_t n)
{
    size_t step = n / (p->count ? p->count : 60) + 1;

    for (size_t i = 0; i < n; i += step) {
        float old = values[i];
        values[i] = old + p->h;
        double up = p->loss(p->of);
        values[i] = old - p->h;
        double down = p->loss(p->of);
        values[i] = old;
        double slope = (up - down) / (2 * (double)p->h);
        if (!(fabs(slope - (double)gradient[i]) <= 1e-3 * (1 + fabs(slope))))
            fail_msg("element %zu: the gradient is %g, differences give %g", i, (double)gradient[i],
                     slope);
    }
}

struct conv {
    struct px_conv_layer layer;
    struct px_parameters parameters;
    struct px_weights *weights;
    float *in, *out, *g;
    size_t in_count, out_count;
};

static double conv_loss(void *of)
{
    struct conv *c = of;

    const struct px_parameter *p = &c->parameters.list[c->layer.desc.weight];
    const float *weight = c->parameters.value + p->offset;
    assert_int_equal(px_conv_pack(c->layer.forward, weight, c->layer.packed_forward, NULL), 0);
    assert_int_equal(px_conv_layer_forward(&c->layer, c->in, c->out, NULL), 0);
    return project(c->out, c->g, c->out_count);
}

/* Whether Winograd's convolutions compute all that they can of a layer. */
static bool is_winograd(const struct px_conv_layer *layer)
{
    return strstr(px_conv_implementation(layer->forward), "winograd") &&
           strstr(px_conv_implementation(layer->by_input), "winograd") &&
           strstr(px_conv_implementation(layer->by_weight), "winograd");
}

/* n, sizes, channels, kernel, stride and pads of `desc` are given. */
static void check_conv(struct px_conv_layer_desc desc, bool winograd)
{
    struct conv c = {0};
    struct px_dnn *dnn;
    struct px_error err = {0};
    int64_t shape[4] = {desc.out, desc.in, desc.kernel, desc.kernel};
    int grown = (desc.height - 1) * desc.stride - 2 * desc.pad + desc.kernel + desc.output_padding;
    int shrunk = (desc.height + 2 * desc.pad - desc.kernel) / desc.stride + 1;
    int side = desc.transposed ? grown : shrunk;
    bool bias = !desc.transposed && !winograd; /* whose gradient only oneDNN computes */

    if (desc.transposed) {
        shape[0] = desc.in;
        shape[1] = desc.out;
    }
    desc.width = desc.height; /* square */
    desc.weight = px_parameters_add(&c.parameters, "weight", PX_PARAMETER_WEIGHT, shape, 4, &err);
    shape[0] = desc.out;
    desc.bias =
        bias ? px_parameters_add(&c.parameters, "bias", PX_PARAMETER_ZERO, shape, 1, &err) : -1;
    desc.train_weights = desc.train_input = true;
    desc.dtype = desc.result = desc.dinput = PX_F32;
    c.in_count = (size_t)(desc.n * desc.height * desc.width * desc.in);
    c.out_count = (size_t)(desc.n * side * side * desc.out);
    c.in = px_floats(c.in_count);
    c.out = px_floats(c.out_count);
    c.g = px_floats(c.out_count);
    float *din = px_floats(c.in_count);
    assert_int_equal(px_parameters_allocate(&c.parameters, &err), 0);
    fill(c.parameters.value, c.parameters.total, 1);
    fill(c.in, c.in_count, 2);
    fill(c.g, c.out_count, 3);
    assert_int_equal(px_dnn_create(&dnn, 2, &err), 0);
    assert_int_equal(px_weights_create(&c.weights, &c.parameters, 2, false, &err), 0);
    if (px_conv_layer_init(&c.layer, dnn, c.weights, &desc, &err))
        fail_msg("%s", err.message);
    assert_int_equal(is_winograd(&c.layer), winograd);

    const struct probe probe = {conv_loss, &c, 0.5f, winograd ? 10 : 0};
    const struct px_conv_gradients gradients = {c.in, c.g, din};
    size_t weights = c.parameters.list[desc.weight].count;
    float *dweight = px_floats(weights);
    px_weights_refresh(c.weights);
    conv_loss(&c);
    assert_int_equal(px_conv_layer_backward(&c.layer, &gradients, NULL, &err), 0);
    assert_int_equal(
        px_conv_unpack(c.layer.by_weight, px_weights_gradient(c.weights), dweight, &err), 0);
    check(&probe, c.in, din, c.in_count);
    check(&probe, c.parameters.value, dweight, weights);
    if (bias)
        check(&probe, c.parameters.value + weights,
              px_parameters_gradient(&c.parameters, desc.bias), c.parameters.list[desc.bias].count);
    px_conv_layer_clear(&c.layer);
    px_weights_destroy(c.weights);
    free(dweight);
    px_parameters_clear(&c.parameters);
    px_dnn_destroy(dnn);
    free(c.in);
    free(c.out);
    free(c.g);
    free(din);
}

static void test_conv(void **state)
{
    static const struct px_conv_layer_desc descs[] = {
        {.n = 2, .height = 8, .in = 3, .out = 5, .kernel = 4, .stride = 2, .pad = 1},
        {.n = 1, .height = 7, .in = 6, .out = 1, .kernel = 4, .stride = 1, .pad = 1},
        {.n = 1, .height = 8, .in = 4, .out = 6, .kernel = 3, .stride = 2, .pad = 1},
        {.n = 2, .height = 6, .in = 5, .out = 5, .kernel = 3, .stride = 1, .pad = 0},
        {.n = 1, .height = 12, .in = 2, .out = 3, .kernel = 7, .stride = 1, .pad = 0},
        {.n = 2, .height = 5, .in = 6, .out = 1, .kernel = 1, .stride = 1, .pad = 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof descs / sizeof *descs; i++)
        check_conv(descs[i], false);
}

static void test_transposed(void **state)
{
    static const struct px_conv_layer_desc descs[] = {
        {true, .n = 2, .height = 4, .in = 6, .out = 3, .kernel = 4, .stride = 2, .pad = 1},
        {true, .n = 1, .height = 5, .in = 4, .out = 2, .kernel = 3, .stride = 2, .pad = 1,
         .output_padding = 1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof descs / sizeof *descs; i++)
        check_conv(descs[i], false);
}

static void test_winograd(void **state)
{
    static const struct px_conv_layer_desc descs[] = {
        {.n = 1, .height = 25, .in = 48, .out = 64, .kernel = 4, .stride = 1, .pad = 1},
        {.n = 1, .height = 34, .in = 64, .out = 64, .kernel = 3, .stride = 1, .pad = 0},
        {.n = 1, .height = 80, .in = 64, .out = 64, .kernel = 4, .stride = 2, .pad = 1},
        {true, .n = 1, .height = 40, .in = 64, .out = 64, .kernel = 4, .stride = 2, .pad = 1},
    };
    (void)state;

    NEEDS(has_winograd(), "AVX2");
    for (size_t i = 0; i < sizeof descs / sizeof *descs; i++)
        check_conv(descs[i], true);
}

struct mirror {
    struct px_reflect r;
    float in[2 * 5 * 4 * 3], out[2 * 11 * 10 * 3], g[2 * 11 * 10 * 3];
};

static double mirror_loss(void *of)
{
    struct mirror *m = of;

    px_reflect_pad(&m->r, m->in, m->out);
    return project(m->out, m->g, sizeof m->out / sizeof *m->out);
}

static void test_reflect(void **state)
{
    static struct mirror m = {.r = {2, 5, 4, 3, 3, 3, PX_F32}};
    const struct probe probe = {mirror_loss, &m, 0.5f, 0};
    float din[2 * 5 * 4 * 3], row[7];
    const struct px_reflect small = {1, 1, 3, 1, 0, 1, PX_F32};
    (void)state;

    fill(m.in, sizeof m.in / sizeof *m.in, 4);
    fill(m.g, sizeof m.g / sizeof *m.g, 5);
    memset(din, 0x7f, sizeof din);
    px_reflect_fold(&m.r, m.g, din);
    check(&probe, m.in, din, sizeof m.in / sizeof *m.in);
    px_reflect_pad(&small, (const float[]){1, 2, 3}, row);
    assert_true(row[0] == 1 && row[2] == 3);

    /* 1 2 3 4 padded by 3 is 4 3 2 1 2 3 4 3 2 1. */
    static const float want[10] = {4, 3, 2, 1, 2, 3, 4, 3, 2, 1};
    for (int i = 0; i < 20; i++)
        for (int c = 0; c < 3; c++)
            m.in[i * 3 + c] = (float)(i % 4 + 1 + 10 * c);
    px_reflect_pad(&m.r, m.in, m.out);
    for (int y = 0; y < 11; y++)
        for (int x = 0; x < 10; x++)
            for (int c = 0; c < 3; c++)
                assert_true(m.out[(y * 10 + x) * 3 + c] == want[x] + (float)(10 * c));
}

static void test_reflect_bf16(void **state)
{
    static float in[2 * 5 * 4 * 3], out[2 * 11 * 10 * 3], g[2 * 11 * 10 * 3], din[2 * 5 * 4 * 3];
    static uint16_t in16[2 * 5 * 4 * 3], out16[2 * 11 * 10 * 3], din16[2 * 5 * 4 * 3];
    struct px_reflect r = {2, 5, 4, 3, 3, 3, PX_F32};
    (void)state;

    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        in[i] = (float)i;
        in16[i] = px_f32_to_bf16(in[i]);
    }
    fill(g, sizeof g / sizeof *g, 9);
    for (size_t i = 0; i < sizeof g / sizeof *g; i++)
        g[i] = px_bf16_to_f32(px_f32_to_bf16(g[i]));
    px_reflect_pad(&r, in, out);
    px_reflect_fold(&r, g, din);
    r.dtype = PX_BF16;
    px_reflect_pad(&r, in16, out16);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        assert_int_equal(out16[i], px_f32_to_bf16(out[i]));
    for (size_t i = 0; i < sizeof g / sizeof *g; i++)
        out16[i] = px_f32_to_bf16(g[i]);
    px_reflect_fold(&r, out16, din16);
    for (size_t i = 0; i < sizeof din / sizeof *din; i++)
        assert_int_equal(din16[i], px_f32_to_bf16(din[i]));
}

struct end {
    struct px_tanh t;
    float x[24], y[24], g[24], bias[3];
};

static double end_loss(void *of)
{
    struct end *e = of;

    memcpy(e->y, e->x, sizeof e->y);
    px_tanh_forward(&e->t, e->bias, e->y);
    return project(e->y, e->g, 24);
}

static void test_tanh(void **state)
{
    struct end e = {.t = {8, 3, 2, PX_F32}};
    const struct probe probe = {end_loss, &e, 0x1p-6f, 0};
    float dx[24], dbias[3], y[24];
    (void)state;

    fill(e.x, 24, 6);
    fill(e.g, 24, 7);
    fill(e.bias, 3, 8);
    end_loss(&e);
    px_tanh_backward(&e.t, e.y, e.g, dx, dbias);
    check(&probe, e.x, dx, 24);
    check(&probe, e.bias, dbias, 3);
    memcpy(y, e.x, sizeof y);
    px_tanh_forward(&e.t, NULL, y);
    assert_true(fabsf(y[5] - tanhf(e.x[5])) < 1e-6f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("convolutions have the gradients of their differences", test_conv),
        CHECK("transposed convolutions have the gradients of their differences", test_transposed),
        CHECK("large layers have them, too, with fewer multiplications", test_winograd),
        CHECK("a mirrored pad is right and has the gradient of its differences", test_reflect),
        CHECK("a mirrored pad of bf16 is that of f32, rounded once", test_reflect_bf16),
        CHECK("bias and tanh have the gradients of their differences", test_tanh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
