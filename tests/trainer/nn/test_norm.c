#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/nn/loss.h"
#include "trainer/nn/parts/norm.h"
#include "trainer/nn/parts/parameters.h"

/* The backward passes by finite differences: the loss is a fixed random projection of the targets
 * (their gradients), and moving one input by +-h must change it by the gradient. Central
 * differences in f32 with h = 1e-2 carry a rounding error of about 1e-3 of the loss's magnitude and
 * a truncation error of h^2. */

enum {
    GROUPS = 2,
    PIXELS = 7,
    CHANNELS = 5,
    N = GROUPS * PIXELS * CHANNELS,
    PITCH = 9,
    OFFSET = 3
};

struct setup {
    struct px_norm_layer norm;
    float x[N], dx[N], mask[N];
    float gamma[CHANNELS], beta[CHANNELS], dgamma[CHANNELS], dbeta[CHANNELS];
    float y1[N], g1[N];                                       /* a plain target */
    float y2[N / CHANNELS * PITCH], g2[N / CHANNELS * PITCH]; /* a slice of a wider one */
};

static void fill(struct px_random *random, float *p, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        p[i] = scale * (px_random_uniform(random) * 2 - 1);
}

enum kind { WITHOUT, BATCH, INSTANCE };

static void make(struct setup *s, enum kind kind, bool mask)
{
    struct px_random random;

    memset(s, 0, sizeof *s);
    px_random_seed(&random, 7);
    fill(&random, s->x, N, 2);
    fill(&random, s->gamma, CHANNELS, 1);
    fill(&random, s->beta, CHANNELS, 1);
    fill(&random, s->g1, N, 1);
    fill(&random, s->g2, N / CHANNELS * PITCH, 1);
    for (size_t i = 0; i < N; i++)
        s->mask[i] = px_random_next(&random) >> 63 ? 2.0f : 0.0f;
    s->norm = (struct px_norm_layer){
        .channels = CHANNELS,
        .groups = GROUPS,
        .pixels = PIXELS,
        .threads = 3,
        .dtype = PX_F32,
        .x = s->x,
        .dx = s->dx,
        .mask = mask ? s->mask : NULL,
        .target_count = 2,
        .targets = {{s->y1, s->g1, CHANNELS, 0.2f}, {s->y2 + OFFSET, s->g2 + OFFSET, PITCH, 0.0f}}};
    s->norm.normalise = kind != WITHOUT;
    if (kind == BATCH) {
        s->norm.gamma = s->gamma;
        s->norm.beta = s->beta;
        s->norm.dgamma = s->dgamma;
        s->norm.dbeta = s->dbeta;
    }
    assert_int_equal(px_norm_layer_init(&s->norm, NULL), 0);
}

static double loss(struct setup *s)
{
    double sum = 0;

    px_norm_layer_forward(&s->norm);
    for (size_t i = 0; i < N; i++)
        sum += (double)s->y1[i] * (double)s->g1[i];
    for (size_t p = 0; p < N / CHANNELS; p++)
        for (size_t c = 0; c < CHANNELS; c++)
            sum += (double)s->y2[p * PITCH + OFFSET + c] * (double)s->g2[p * PITCH + OFFSET + c];
    return sum;
}

/* Elements whose activation is near its kink have no derivative to compare; few are skipped. */
static size_t check_by_differences(struct setup *s, float *values, const float *gradient, size_t n)
{
    const float h = 1e-2f;
    size_t skipped = 0;

    for (size_t i = 0; i < n; i++) {
        float old = values[i];
        values[i] = old + h;
        double up = loss(s);
        values[i] = old - h;
        double down = loss(s);
        values[i] = old;
        double middle = loss(s);
        double right = (up - middle) / (double)h, left = (middle - down) / (double)h;
        double slope = (up - down) / (2 * (double)h);
        if (fabs(right - left) > 0.05 * (1 + fabs(slope))) {
            skipped++;
            continue;
        }
        if (!(fabs(slope - (double)gradient[i]) <= 0.02 * (1 + fabs(slope))))
            fail_msg("element %zu: the gradient is %g, differences give %g", i, (double)gradient[i],
                     slope);
    }
    return skipped;
}

static void run(enum kind kind, bool mask)
{
    struct setup s;

    make(&s, kind, mask);
    loss(&s);
    px_norm_layer_backward(&s.norm);
    float dx[N], dgamma[CHANNELS], dbeta[CHANNELS];
    memcpy(dx, s.dx, sizeof dx);
    memcpy(dgamma, s.dgamma, sizeof dgamma);
    memcpy(dbeta, s.dbeta, sizeof dbeta);
    assert_true(check_by_differences(&s, s.x, dx, N) < N / 3);
    if (kind == BATCH) {
        assert_true(check_by_differences(&s, s.gamma, dgamma, CHANNELS) < CHANNELS);
        assert_true(check_by_differences(&s, s.beta, dbeta, CHANNELS) < CHANNELS);
    }
    px_norm_layer_clear(&s.norm);
}

static void test_plain(void **state)
{
    (void)state;
    run(WITHOUT, false);
}

static void test_norm(void **state)
{
    (void)state;
    run(BATCH, false);
}

static void test_dropout(void **state)
{
    (void)state;
    run(BATCH, true);
}

static void test_instance(void **state)
{
    (void)state;
    run(INSTANCE, false);
    run(INSTANCE, true);
}

/* The bf16 element that the float is, which is representable. */
static void to_bf16(const float *from, uint16_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = px_f32_to_bf16(from[i]);
}

static void round_all(float *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = px_bf16_to_f32(px_f32_to_bf16(p[i]));
}

/* Each result is the f32 one, rounded once. */
static void assert_rounded(const uint16_t *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (got[i] != px_f32_to_bf16(want[i]))
            fail_msg("element %zu is %g, not %g rounded", i, (double)px_bf16_to_f32(got[i]),
                     (double)want[i]);
}

static void check_bf16(enum kind kind, bool mask)
{
    enum { WIDE = N / CHANNELS * PITCH };
    uint16_t x[N], dx[N], y1[N], g1[N], y2[WIDE], g2[WIDE];
    float dgamma[CHANNELS], dbeta[CHANNELS];
    struct setup s;

    make(&s, kind, mask);
    round_all(s.x, N);
    round_all(s.g1, N);
    round_all(s.g2, WIDE);
    to_bf16(s.x, x, N);
    to_bf16(s.g1, g1, N);
    to_bf16(s.g2, g2, WIDE);
    loss(&s);
    px_norm_layer_backward(&s.norm);
    memcpy(dgamma, s.dgamma, sizeof dgamma);
    memcpy(dbeta, s.dbeta, sizeof dbeta);

    s.norm.dtype = PX_BF16;
    s.norm.x = x;
    s.norm.dx = dx;
    s.norm.targets[0].data = y1;
    s.norm.targets[0].gradient = g1;
    s.norm.targets[1].data = y2 + OFFSET;
    s.norm.targets[1].gradient = g2 + OFFSET;
    px_norm_layer_forward(&s.norm);
    px_norm_layer_backward(&s.norm);
    assert_rounded(y1, s.y1, N);
    for (size_t p = 0; p < N / CHANNELS; p++)
        assert_rounded(y2 + p * PITCH + OFFSET, s.y2 + p * PITCH + OFFSET, CHANNELS);
    assert_rounded(dx, s.dx, N);
    assert_memory_equal(s.dgamma, dgamma, sizeof dgamma);
    assert_memory_equal(s.dbeta, dbeta, sizeof dbeta);
    px_norm_layer_clear(&s.norm);
}

static void test_bf16(void **state)
{
    (void)state;
    for (int mask = 0; mask < 2; mask++) {
        check_bf16(WITHOUT, mask);
        check_bf16(BATCH, mask);
        check_bf16(INSTANCE, mask);
    }
}

static void test_statistics(void **state)
{
    struct setup s;
    float mean[CHANNELS] = {0}, var[CHANNELS];
    (void)state;

    make(&s, BATCH, false);
    for (size_t i = 0; i < N; i++)
        s.x[i] += 1000; /* far from 0: the naive difference of squares would be all noise */
    for (size_t c = 0; c < CHANNELS; c++)
        var[c] = 1;
    px_norm_layer_forward(&s.norm);
    px_norm_layer_update_running(&s.norm, mean, var);
    for (size_t c = 0; c < CHANNELS; c++) {
        double want_mean = 0, want_var = 1;
        for (size_t g = 0; g < GROUPS; g++) {
            double sum = 0, square = 0;
            for (size_t p = 0; p < PIXELS; p++)
                sum += (double)s.x[(g * PIXELS + p) * CHANNELS + c];
            sum /= PIXELS;
            for (size_t p = 0; p < PIXELS; p++) {
                double d = (double)s.x[(g * PIXELS + p) * CHANNELS + c] - sum;
                square += d * d;
            }
            want_mean += 0.1 * (sum - want_mean);
            want_var += 0.1 * (square / (PIXELS - 1) - want_var);
        }
        assert_true(fabs((double)mean[c] - want_mean) < 1e-3);
        assert_true(fabs((double)var[c] - want_var) < 1e-4);
    }
    px_norm_layer_clear(&s.norm);
}

/* How far a loss of these logits may be rounded: least squares reaches 40^2 / 6. */
static float spacing(enum px_gan_mode mode)
{
    return mode == PX_GAN_LSGAN ? 0x1p-15f * 2 : 0x1p-20f * 2;
}

static const float logits[6] = {-30, -2, -0.1f, 0.3f, 4, 40};

static void check_gan_loss(enum px_gan_mode mode, int real)
{
    float up[6], down[6], g[6];
    const float h = 0x1p-7f;

    assert_true(isfinite(px_loss_gan(mode, logits, 6, real, 1, g)));
    for (int i = 0; i < 6; i++) {
        memcpy(up, logits, sizeof up);
        memcpy(down, logits, sizeof down);
        up[i] += h;
        down[i] -= h;
        float slope =
            (px_loss_gan(mode, up, 6, real, 1, NULL) - px_loss_gan(mode, down, 6, real, 1, NULL)) /
            (2 * h);
        assert_true(fabsf(slope - g[i]) < 1e-3f * (1 + fabsf(slope)) + spacing(mode) / h);
    }
    px_loss_gan(mode, logits, 6, real, 3, up);
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(up[i] - 3 * g[i]) <= 1e-6f * fabsf(up[i]));
}

static void test_loss_values(void **state)
{
    const float x[2] = {2, -1};
    (void)state;

    /* softplus(-2) = .126928, softplus(1) = 1.313262 */
    assert_true(fabsf(px_loss_gan(PX_GAN_VANILLA, x, 2, 1, 1, NULL) - 0.720095f) < 1e-5f);
    assert_true(fabsf(px_loss_gan(PX_GAN_LSGAN, x, 2, 1, 1, NULL) - 2.5f) < 1e-6f);
    assert_true(fabsf(px_loss_gan(PX_GAN_LSGAN, x, 2, 0, 1, NULL) - 2.5f) < 1e-6f);
    assert_true(fabsf(px_loss_gan(PX_GAN_WGANGP, x, 2, 1, 1, NULL) + 0.5f) < 1e-6f);
    assert_true(fabsf(px_loss_gan(PX_GAN_WGANGP, x, 2, 0, 1, NULL) - 0.5f) < 1e-6f);
}

static void test_losses(void **state)
{
    const float *x = logits;
    const float t[6] = {0, 1, -0.1f, 0.2f, 4.5f, 3};
    float g[6];
    (void)state;

    for (int i = 0; i < 6; i++) {
        enum px_gan_mode mode = (enum px_gan_mode)(i / 2);
        check_gan_loss(mode, i % 2);
    }
    memset(g, 0, sizeof g);
    assert_true(fabsf(px_loss_l1(x, t, 6, 6, g) - (30 + 3 + 0 + 0.1f + 0.5f + 37)) < 1e-3f);
    for (int i = 0; i < 6; i++) {
        float want = x[i] > t[i] ? 1.0f : x[i] < t[i] ? -1.0f : 0.0f;
        assert_true(g[i] == want);
    }
}

static void test_adam(void **state)
{
    /* torch.optim.Adam(lr=.1, betas=(.5, .999), eps=1e-8) on p = 1 with gradients 2, -1, .5, worked
     * by hand: m: 1, 0, .25; v: .004, .004996, .005241; p moves by lr * mhat / (sqrt(vhat) + eps).
     */
    struct px_parameters p = {0};
    const int64_t shape[1] = {1};
    const float gradients[3] = {2, -1, 0.5f};
    double want = 1, m = 0, v = 0;
    (void)state;

    assert_int_equal(px_parameters_add(&p, "w", PX_PARAMETER_GAMMA, shape, 1, NULL), 0);
    assert_int_equal(px_parameters_allocate(&p, NULL), 0);
    p.value[0] = 1;
    for (int t = 1; t <= 3; t++) {
        const struct px_adam adam = {0.1, 0.5, 0.999, 1e-8, t};
        struct px_update update = {.parts = 2};
        double g = (double)gradients[t - 1];
        px_adam_factors(&adam, &update.adam);
        p.gradient[0] = gradients[t - 1] - 1;
        px_parameters_update(&p, &update);
        update.part = 1;
        p.gradient[0] = gradients[t - 1] + 1;
        px_parameters_update(&p, &update);
        m = 0.5 * m + 0.5 * g;
        v = 0.999 * v + 0.001 * g * g;
        want -= 0.1 * (m / (1 - pow(0.5, t))) / (sqrt(v / (1 - pow(0.999, t))) + 1e-8);
        assert_true(fabs((double)p.value[0] - want) < 1e-6);
    }
    px_parameters_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("activation and copies have the gradient of their differences", test_plain),
        CHECK("batch norm has the gradient of its differences", test_norm),
        CHECK("batch norm with dropout has the gradient of its differences", test_dropout),
        CHECK("instance norm has the gradient of its differences", test_instance),
        CHECK("in bf16 every result is that of f32, rounded once", test_bf16),
        CHECK("statistics are right far from zero, and run as PyTorch's", test_statistics),
        CHECK("the losses have the gradient of their differences and never overflow", test_losses),
        CHECK("the GAN losses have the values of their formulas", test_loss_values),
        CHECK("Adam moves as its formula says", test_adam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
