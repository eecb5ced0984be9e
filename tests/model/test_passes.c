#include "tests/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/passes.h"

enum { PICTURES = 3 };

/* Pictures in doubles, nhwc, and the same as the convolution of a down or up layer leaves them. */
struct sample {
    struct px_grid grid;
    double *plain; /* n x height x width x channels, as the grid's type holds them */
    size_t count;
};

static float held(enum px_dtype dtype, float v)
{
    return dtype == PX_BF16 ? px_bf16_to_f32(px_f32_to_bf16(v)) : v;
}

static void put(void *data, enum px_dtype dtype, size_t i, float v)
{
    if (dtype == PX_BF16)
        ((uint16_t *)data)[i] = px_f32_to_bf16(v);
    else
        ((float *)data)[i] = v;
}

static double get(const void *data, enum px_dtype dtype, size_t i)
{
    if (dtype == PX_BF16)
        return (double)px_bf16_to_f32(((const uint16_t *)data)[i]);
    return (double)((const float *)data)[i];
}

/* Where picture i's pixel (y, x), channel c lies in the grid: the definition, element by element.
 */
static size_t place(const struct px_grid *g, int i, int y, int x, int c)
{
    size_t border = (size_t)g->border, channels = (size_t)g->channels;
    size_t height = (size_t)g->height + 2 * border, width = (size_t)g->width + 2 * border;
    size_t line = (size_t)(y + g->border), column = (size_t)(x + g->border);

    if (!g->depth_to_space)
        return (((size_t)i * height + line) * width + column) * channels + (size_t)c;
    return ((((size_t)i * height + line) / 2 * (width / 2) + column / 2) * 4 + line % 2 * 2 +
            column % 2) *
               channels +
           (size_t)c;
}

static struct sample make(struct px_grid grid, float mean, float spread)
{
    struct sample s = {.grid = grid};
    struct px_random random;
    size_t size = px_grid_elements(&grid) * px_dtype_size(grid.dtype), k = 0;

    px_random_seed(&random, 7);
    s.count = (size_t)grid.n * (size_t)grid.height * (size_t)grid.width * (size_t)grid.channels;
    s.plain = malloc(s.count * sizeof *s.plain);
    s.grid.data = malloc(size);
    memset(s.grid.data, 0xff, size); /* NaN in the border, which no pass may read */
    for (int i = 0; i < grid.n; i++)
        for (int y = 0; y < grid.height; y++)
            for (int x = 0; x < grid.width; x++)
                for (int c = 0; c < grid.channels; c++) {
                    float v = held(grid.dtype, mean * (float)(c % 5 + 1) +
                                                   spread * (px_random_uniform(&random) - 0.5f));
                    put(s.grid.data, grid.dtype, place(&grid, i, y, x, c), v);
                    s.plain[k++] = (double)v;
                }
    return s;
}

static void release(struct sample *s)
{
    free(s->grid.data);
    free(s->plain);
}

static float *ramp(int channels, float start, float step)
{
    float *r = malloc((size_t)channels * sizeof *r);

    for (int c = 0; c < channels; c++)
        r[c] = start + step * (float)c;
    return r;
}

/* What the norm makes of the sample, by the definition, in doubles. */
static double *normalised(const struct sample *s, const float *gamma, const float *beta)
{
    size_t channels = (size_t)s->grid.channels, pixels = s->count / channels / (size_t)s->grid.n;
    double *out = malloc(s->count * sizeof *out);

    for (size_t i = 0; i < (size_t)s->grid.n; i++)
        for (size_t c = 0; c < channels; c++) {
            const double *x = s->plain + i * pixels * channels + c;
            double mean = 0, variance = 0;

            for (size_t p = 0; p < pixels; p++)
                mean += x[p * channels] / (double)pixels;
            for (size_t p = 0; p < pixels; p++)
                variance += (x[p * channels] - mean) * (x[p * channels] - mean) / (double)pixels;
            for (size_t p = 0; p < pixels; p++)
                out[i * pixels * channels + p * channels + c] =
                    (x[p * channels] - mean) / sqrt(variance + 1e-5) * (double)gamma[c] +
                    (double)beta[c];
        }
    return out;
}

static const struct px_grid shapes[] = {
    {NULL, PX_F32, 1, 64, 128, 64, false, 0}, {NULL, PX_F32, PICTURES, 6, 10, 5, false, 0},
    {NULL, PX_F32, 1, 2, 2, 512, true, 1},    {NULL, PX_F32, PICTURES, 6, 10, 5, true, 1},
    {NULL, PX_F32, 2, 64, 64, 33, true, 1},   {NULL, PX_BF16, PICTURES, 8, 12, 16, false, 0},
    {NULL, PX_F32, 2, 9, 7, 20, false, 0},    {NULL, PX_BF16, 1, 5, 13, 7, false, 0},
    {NULL, PX_F32, 2, 8, 6, 3, true, 0},      {NULL, PX_BF16, 1, 6, 8, 17, true, 0},
    {NULL, PX_BF16, 1, 96, 32, 40, true, 1},  {NULL, PX_BF16, PICTURES, 4, 2, 3, true, 1},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* f32: a few roundings of values around 1. bf16: the result itself is rounded to 8 bits. */
static double tolerance(enum px_dtype dtype, double value)
{
    return dtype == PX_BF16 ? 4e-3 * fabs(value) + 1e-4 : 2e-6 * (1 + fabs(value));
}

static const uint64_t seeds[] = {11, 12, 13};

/* The mirror of index i where it lies outside. */
static int mirrored(int i, int size)
{
    return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i;
}

/* Compares all of `out` and its border with dropout(want) + more, activated. */
static void check_fed(const struct px_feed_pass *feed, const double *want, double slack)
{
    const struct px_grid *out = &feed->out;
    int border = out->border;

    for (int i = 0; i < out->n; i++)
        for (int y = -border; y < out->height + border; y++)
            for (int x = -border; x < out->width + border; x++)
                for (int c = 0; c < out->channels; c++) {
                    int v = mirrored(y, out->height), u = mirrored(x, out->width);
                    size_t at = (size_t)(v * out->width + u) * (size_t)out->channels + (size_t)c;
                    size_t each = (size_t)(out->height * out->width * out->channels);
                    double t = want[(size_t)i * each + at];
                    if (feed->dropout && feed->dropout[i])
                        t *= px_hash(seeds[i], (uint64_t)feed->layer, at) >> 63 ? 2 : 0;
                    double largest = fabs(t);
                    if (feed->more)
                        t += get(feed->more->data, out->dtype, place(feed->more, i, v, u, c));
                    largest = fmax(largest, fabs(t)); /* what is rounded on the way */
                    t = t > 0 ? t : (double)feed->slope * t;
                    double got = get(out->data, out->dtype, place(out, i, y, x, c));
                    assert_true(fabs(got - t) <= tolerance(out->dtype, largest) + slack);
                }
}

/* `options`: border of out, slope, dropout; out is made here, `more` where it is wanted. */
static void check_feed(struct px_grid shape, float mean, const struct px_feed_pass *options,
                       double slack)
{
    struct sample s = make(shape, mean, 2.0f);
    float step = fminf(0.01f, 1.0f / (float)shape.channels);
    float *gamma = ramp(shape.channels, 0.5f, step), *beta = ramp(shape.channels, -0.3f, step);
    double *want = normalised(&s, gamma, beta);
    float *work = malloc(px_pass_work(&s.grid) * sizeof *work);
    struct px_norm_pass norm = {gamma, beta, work, NULL};
    struct px_feed_pass feed = *options;
    struct px_grid plain = shape;

    plain.depth_to_space = false;
    plain.border = 2; /* of what is added: of no meaning to the pass */
    struct sample more = make(plain, -0.2f, 1.0f);
    if (options->more)
        feed.more = &more.grid;
    plain.border = options->out.border;
    feed.out = plain;
    feed.out.data = malloc(px_grid_elements(&plain) * px_dtype_size(plain.dtype));
    px_pass_statistics(&s.grid, &norm, 2);
    px_pass_feed(&s.grid, &norm, &feed, 2);
    check_fed(&feed, want, slack);
    if (!shape.depth_to_space && plain.border == 0) { /* in place gives the same */
        size_t bytes = px_grid_elements(&plain) * px_dtype_size(plain.dtype);
        void *other = feed.out.data;
        feed.out.data = s.grid.data;
        px_pass_feed(&s.grid, &norm, &feed, 2);
        assert_memory_equal(other, s.grid.data, bytes);
        feed.out.data = other;
    }
    free(feed.out.data);
    free(work);
    free(want);
    free(gamma);
    free(beta);
    release(&more);
    release(&s);
}

static void test_feed(void **state)
{
    static const bool some[] = {true, false, true};
    static const struct px_grid any;
    const struct px_feed_pass cases[] = {
        {.slope = 0.2f},
        {.slope = 0.0f, .out.border = 1},
        {.slope = 1.0f, .out.border = 1, .more = &any},
        {.slope = 0.2f, .more = &any},
        {.slope = 0.0f, .out.border = 1, .dropout = some, .seeds = seeds, .layer = 6},
    };

    (void)state;
    for (int k = 0; k < SHAPES; k++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            check_feed(shapes[k], 0.1f, &cases[i], 0);
    check_feed(shapes[1], 0.1f, &(struct px_feed_pass){.slope = 0.2f, .out.border = 3}, 0);
}

/* Without a norm, and by one that is fixed. */
static void test_fixed(void **state)
{
    struct sample s = make(shapes[1], 0.1f, 2.0f);
    int channels = s.grid.channels;
    float *gamma = ramp(channels, 0.5f, 0.1f), *beta = ramp(channels, -0.3f, 0.2f);
    float *mean = ramp(channels, -1.0f, 0.3f), *out = malloc(s.count * sizeof *out);
    struct px_norm_pass norm = {gamma, beta, NULL, mean};
    struct px_feed_pass feed = {.out = s.grid, .slope = 0.2f};
    double *want = malloc(s.count * sizeof *want);

    (void)state;
    feed.out.data = out;
    px_pass_feed(&s.grid, NULL, &feed, 2);
    check_fed(&feed, s.plain, 0);
    px_pass_feed(&s.grid, &norm, &feed, 2);
    for (size_t i = 0; i < s.count; i++) {
        int c = (int)(i % (size_t)channels);
        want[i] = (s.plain[i] - (double)mean[c]) * (double)gamma[c] + (double)beta[c];
    }
    check_fed(&feed, want, 0);
    free(gamma);
    free(beta);
    free(mean);
    free(out);
    free(want);
    release(&s);
}

/* With means a thousand times the spread E[x^2] - E[x]^2 in floats would be all noise; what is left
 * here is the rounding of the mean itself, 5000 * 2^-24 by its factor. */
static void test_far_mean(void **state)
{
    (void)state;
    check_feed((struct px_grid){NULL, PX_F32, 2, 64, 64, 5, false, 0}, 1000.0f,
               &(struct px_feed_pass){.slope = 0.2f}, 3e-3);
}

/* Runs px_pass_up and returns its output; the skip holds -1, 0, 1, 2 in turn. */
static void *run_up(const struct sample *s, const float *gamma, const float *beta,
                    const struct px_up_pass *options, int threads)
{
    size_t pixels = s->count / (size_t)s->grid.channels, skips = (size_t)options->skip_channels;
    size_t size = px_dtype_size(s->grid.dtype);
    char *skip = malloc(pixels * skips * size);
    void *out = malloc(pixels * (skips + (size_t)s->grid.channels) * size);
    float *work = malloc(px_pass_work(&s->grid) * sizeof *work);
    struct px_norm_pass norm = {gamma, beta, work, NULL};
    struct px_up_pass up = *options;

    for (size_t i = 0; i < pixels * skips; i++)
        put(skip, s->grid.dtype, i, (float)(i % 4) - 1.0f);
    up.skip = skip;
    up.out = out;
    if (gamma)
        px_pass_statistics(&s->grid, &norm, threads);
    px_pass_up(&s->grid, gamma ? &norm : NULL, &up, threads);
    free(skip);
    free(work);
    return out;
}

static void check_up(struct px_grid shape, bool with_norm, const bool *dropout)
{
    struct sample s = make(shape, 0.1f, 2.0f);
    size_t channels = (size_t)shape.channels, skips = channels + 1, each = channels + skips;
    float *gamma = ramp(shape.channels, 0.5f, 0.01f), *beta = ramp(shape.channels, -0.3f, 0.02f);
    double *want = with_norm ? normalised(&s, gamma, beta) : s.plain;
    struct px_up_pass up = {
        .skip_channels = (int)skips, .dropout = dropout, .seeds = seeds, .layer = 9};
    void *out = run_up(&s, with_norm ? gamma : NULL, beta, &up, 2);

    for (size_t p = 0; p < s.count / channels; p++) {
        size_t pixels = (size_t)shape.height * (size_t)shape.width, i = p / pixels;

        for (size_t c = 0; c < skips; c++)
            assert_true(get(out, shape.dtype, p * each + c) ==
                        fmax((double)((p * skips + c) % 4) - 1, 0));
        for (size_t c = 0; c < channels; c++) {
            double y = fmax(want[p * channels + c], 0);
            if (dropout && dropout[i])
                y *= px_hash(seeds[i], 9, p % pixels * channels + c) >> 63 ? 2 : 0;
            assert_true(fabs(get(out, shape.dtype, p * each + skips + c) - y) <=
                        tolerance(shape.dtype, y));
        }
    }
    if (with_norm)
        free(want);
    free(out);
    free(gamma);
    free(beta);
    release(&s);
}

static void test_up(void **state)
{
    static const bool some[] = {true, false, true};

    (void)state;
    for (int k = 0; k < SHAPES; k++) {
        if (!shapes[k].depth_to_space)
            continue;
        check_up(shapes[k], true, NULL);
        check_up(shapes[k], false, NULL);
        check_up(shapes[k], true, some);
    }
}

/* Element by element the same bits with one thread, with four, and alone. */
static void test_same_bits(void **state)
{
    static const bool on[] = {true, true, true};
    static const uint64_t same[] = {5, 5, 5};
    struct px_grid shape = {NULL, PX_F32, PICTURES, 32, 32, 24, true, 1};
    struct sample s = make(shape, 0.1f, 2.0f);
    float *gamma = ramp(24, 0.5f, 0.01f), *beta = ramp(24, -0.3f, 0.02f);
    struct px_up_pass up = {.skip_channels = 24, .dropout = on, .seeds = same, .layer = 3};
    size_t bytes = s.count / PICTURES * 2 * sizeof(float);
    void *one = run_up(&s, gamma, beta, &up, 1), *four = run_up(&s, gamma, beta, &up, 4);

    (void)state;
    assert_memory_equal(one, four, PICTURES * bytes);
    for (int i = 0; i < PICTURES; i++) {
        struct sample alone = s;
        alone.grid.n = 1;
        alone.count = s.count / PICTURES;
        alone.grid.data = (float *)s.grid.data + (size_t)i * px_grid_elements(&alone.grid);
        void *got = run_up(&alone, gamma, beta, &up, 4);
        assert_memory_equal(got, (char *)one + (size_t)i * bytes, bytes);
        free(got);
    }
    free(one);
    free(four);
    free(gamma);
    free(beta);
    release(&s);
}

/* With p = 1/2 of n draws the share kept is within 5 standard deviations, 2.5 / sqrt(n). */
static void test_dropout_share(void **state)
{
    static const bool on[] = {true};
    static const uint64_t seed[] = {1};
    struct px_grid shape = {NULL, PX_F32, 1, 16, 16, 512, true, 1};
    struct sample s = make(shape, 10.0f, 1.0f); /* all positive: ReLU keeps them */
    struct px_up_pass up = {.skip_channels = 1, .dropout = on, .seeds = seed, .layer = 8};
    float *out = run_up(&s, NULL, NULL, &up, 1);
    size_t kept = 0, n = s.count;

    (void)state;
    for (size_t p = 0; p < n / 512; p++)
        for (size_t c = 0; c < 512; c++)
            kept += out[p * 513 + 1 + c] > 0;
    assert_true(fabs((double)kept / (double)n - 0.5) < 2.5 / sqrt((double)n));
    free(out);
    release(&s);
}

static void test_pixels_in(void **state)
{
    uint8_t bytes[2 * 4 * 3];
    const uint8_t *in[2] = {bytes, bytes};
    float out[2 * 4 * 6 * 3];
    struct px_pictures p = {.n = 2, .height = 2, .width = 4, .in_u8 = in};
    struct px_grid grid = {out, PX_F32, 2, 2, 4, 3, false, 0};

    (void)state;
    for (int i = 0; i < 24; i++)
        bytes[i] = (uint8_t)(i * 11);
    for (grid.border = 0; grid.border < 2; grid.border++) {
        px_pass_in(&p, &grid, 2);
        for (int y = -grid.border; y < 2 + grid.border; y++)
            for (int x = -grid.border; x < 4 + grid.border; x++)
                for (int c = 0; c < 3; c++) {
                    int from = (mirrored(y, 2) * 4 + mirrored(x, 4)) * 3 + c;
                    double v = bytes[from] / 127.5 - 1;
                    assert_true(fabs((double)out[place(&grid, 0, y, x, c)] - v) < 1e-7);
                    assert_true(fabs((double)out[place(&grid, 1, y, x, c)] - v) < 1e-7);
                }
    }
}

/* A last layer of 2 channels whose picture runs over -15..15, then special values. */
static void check_pixels_out(struct px_grid shape)
{
    struct sample s = make(shape, 0, 30.0f);
    float *floats = malloc(s.count * sizeof *floats), *data = s.grid.data;
    uint8_t *bytes = malloc(s.count);
    float *const out_f32[] = {floats};
    uint8_t *const out_u8[] = {bytes};
    struct px_pictures f = {.n = 1, .height = 64, .width = 64, .out_f32 = out_f32};
    struct px_pictures u = {.n = 1, .height = 64, .width = 64, .out_u8 = out_u8};

    data[place(&shape, 0, 0, 0, 0)] = NAN;
    data[place(&shape, 0, 0, 0, 1)] = INFINITY;
    data[place(&shape, 0, 0, 1, 0)] = -INFINITY;
    data[place(&shape, 0, 0, 1, 1)] = 20.0f;
    px_pass_out(&s.grid, &f, 2);
    px_pass_out(&s.grid, &u, 2);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[1], 255);
    assert_int_equal(bytes[2], 0);
    assert_int_equal(bytes[3], 255);
    for (size_t i = 4; i < s.count; i++) {
        assert_true(fabs((double)floats[i] - tanh(s.plain[i])) < 4e-7); /* a few units of 2^-24 */
        assert_true(fabsf(floats[i]) <= 1.0f);
        assert_int_equal(bytes[i], (int)((floats[i] + 1.0f) * 127.5f));
    }
    free(floats);
    free(bytes);
    release(&s);
}

static void test_pixels_out(void **state)
{
    (void)state;
    check_pixels_out((struct px_grid){NULL, PX_F32, 1, 64, 64, 2, true, 1});
    check_pixels_out((struct px_grid){NULL, PX_F32, 1, 64, 64, 2, true, 0});
    check_pixels_out((struct px_grid){NULL, PX_F32, 1, 64, 64, 2, false, 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("normalises, drops, adds, activates and mirrors as the definition says", test_feed),
        CHECK("activates with a fixed norm and with none", test_fixed),
        CHECK("keeps the variance when the mean is far from zero", test_far_mean),
        CHECK("joins the skip and an up layer as the definition says", test_up),
        CHECK("gives the same bits with any threads and any batch", test_same_bits),
        CHECK("drops half of the channels", test_dropout_share),
        CHECK("scales 8-bit pixels to -1..1", test_pixels_in),
        CHECK("ends in tanh and truncates to 8 bits", test_pixels_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
