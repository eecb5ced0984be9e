#include "tests/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/engine/passes.h"

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
    switch (dtype) {
    case PX_BF16:
        return (double)px_bf16_to_f32(((const uint16_t *)data)[i]);
    case PX_S8:
        return (double)((const int8_t *)data)[i];
    case PX_U8:
        return (double)((const uint8_t *)data)[i];
    default:
        return (double)((const float *)data)[i];
    }
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

/* A pass and what it has to give. */
struct fed {
    const struct px_grid *grid;
    const struct px_feed_pass *feed;
    const double *want; /* the normalised grid */
    double slack;
};

/* Rounded to 8 bits: the half that rounding is off by, and what the value itself may be. Else the
 * value's own rounding, `largest` being what was rounded on the way. */
static void check_value(const struct px_target *to, size_t at, int channel, double value,
                        double largest, double slack)
{
    double got = get(to->grid.data, to->grid.dtype, at), off = tolerance(to->grid.dtype, largest);

    value = value > 0 ? value : (double)to->slope * value;
    if (to->inverse) {
        double least = to->grid.dtype == PX_U8 ? 0 : -127;
        double most = to->grid.dtype == PX_U8 ? 255 : 127;
        value = fmin(fmax(value * (double)to->inverse[channel], least), most);
        off = 0.5 + tolerance(PX_F32, largest) * (double)to->inverse[channel] + 1e-4;
    }
    assert_true(fabs(got - value) <= off + slack);
}

/* Channels `first` and on of a target, with its border: dropout(want) + more, activated. */
static void check_target(const struct fed *f, const struct px_target *to, int first)
{
    const struct px_grid *out = &to->grid, *more = f->feed->more;
    int border = out->border, channels = f->grid->channels;

    for (int i = 0; i < out->n; i++)
        for (int y = -border; y < out->height + border; y++)
            for (int x = -border; x < out->width + border; x++)
                for (int c = 0; c < channels; c++) {
                    int v = mirrored(y, out->height), u = mirrored(x, out->width);
                    size_t at = (size_t)(v * out->width + u) * (size_t)channels + (size_t)c;
                    size_t each = (size_t)(out->height * out->width * channels);
                    double t = f->want[(size_t)i * each + at];
                    if (f->feed->dropout && f->feed->dropout[i])
                        t *= px_hash(seeds[i], (uint64_t)f->feed->layer, at) >> 63 ? 2 : 0;
                    double largest = fabs(t);
                    if (more)
                        t += get(more->data, more->dtype, place(more, i, v, u, c));
                    largest = fmax(largest, fabs(t));
                    check_value(to, place(out, i, y, x, first + c), first + c, t, largest,
                                f->slack);
                }
}

/* The first channels: the skip, activated, or as it is where it has 8 bits already. */
static void check_skip(const struct px_grid *skip, const struct px_target *to)
{
    const struct px_target plain = {.grid = to->grid, .slope = 1.0f};
    const struct px_target *as = skip->dtype == PX_U8 ? &plain : to;

    for (int i = 0; i < skip->n; i++)
        for (int y = 0; y < skip->height; y++)
            for (int x = 0; x < skip->width; x++)
                for (int c = 0; c < skip->channels; c++) {
                    double t = get(skip->data, skip->dtype, place(skip, i, y, x, c));
                    check_value(as, place(&to->grid, i, y, x, c), c, t, fabs(t), 0);
                }
}

static void *room(const struct px_grid *g)
{
    return malloc(px_grid_bytes(g));
}

/* What is tried: of `next` the border, type and slope, of `kept` type and slope, of `more` and
 * `skip` whether there is one and of which type. */
struct trial {
    struct px_feed_pass feed;
    enum px_dtype next, kept, skip; /* PX_DTYPE_AUTO: the grid's; kept and skip: none */
    bool kept_too, skip_too, more_too;
};

/* The same in place, where that can be. */
static void check_in_place(const struct fed *f, const struct px_norm_pass *norm)
{
    const struct px_grid *next = &f->feed->next.grid;
    struct px_feed_pass in_place = *f->feed;

    if (f->grid->depth_to_space || next->border || next->dtype != f->grid->dtype || f->feed->skip)
        return;
    in_place.next.grid.data = f->grid->data;
    px_pass_feed(f->grid, norm, &in_place, 2);
    assert_memory_equal(next->data, f->grid->data, px_grid_bytes(next));
}

static void check_feed(struct px_grid shape, float mean, const struct trial *trial, double slack)
{
    struct sample s = make(shape, mean, 2.0f);
    float step = fminf(0.01f, 1.0f / (float)shape.channels);
    float *gamma = ramp(shape.channels, 0.5f, step), *beta = ramp(shape.channels, -0.3f, step);
    float *inverse = ramp(2 * shape.channels + 1, 20.0f, 3.0f);
    float *work = malloc(px_pass_work(&s.grid) * sizeof *work);
    struct px_norm_pass norm = {gamma, beta, work, NULL};
    struct px_feed_pass feed = trial->feed;
    struct px_grid plain = shape;
    struct fed f = {&s.grid, &feed, normalised(&s, gamma, beta), slack};

    plain.depth_to_space = false;
    plain.border = 2; /* of what is added: of no meaning to the pass */
    struct sample more = make(plain, -0.2f, 1.0f);
    if (trial->more_too)
        feed.more = &more.grid;
    plain.border = 0;
    struct px_target kept = {.grid = plain, .slope = 0.5f};
    if (trial->kept)
        kept.grid.dtype = trial->kept, kept.inverse = inverse;
    kept.grid.data = room(&kept.grid);
    if (trial->kept_too)
        feed.kept = &kept;
    plain.channels = shape.channels + 1;
    struct sample skip = make(plain, 0.2f, 3.0f);
    if (trial->skip)
        skip.grid.dtype = trial->skip;
    if (trial->skip_too)
        feed.skip = &skip.grid;
    feed.next.grid = shape;
    feed.next.grid.depth_to_space = false;
    feed.next.grid.border = trial->feed.next.grid.border;
    feed.next.grid.channels += trial->skip_too ? skip.grid.channels : 0;
    if (trial->next)
        feed.next.grid.dtype = trial->next, feed.next.inverse = inverse;
    feed.next.grid.data = room(&feed.next.grid);

    px_pass_statistics(&s.grid, &norm, 2);
    px_pass_feed(&s.grid, &norm, &feed, 2);
    check_target(&f, &feed.next, feed.skip ? skip.grid.channels : 0);
    if (feed.kept)
        check_target(&f, &kept, 0);
    if (feed.skip)
        check_skip(&skip.grid, &feed.next);
    check_in_place(&f, &norm);
    free(feed.next.grid.data);
    free(kept.grid.data);
    free(work);
    free((void *)(uintptr_t)f.want);
    free(gamma);
    free(beta);
    free(inverse);
    release(&more);
    release(&skip);
    release(&s);
}

static void test_feed(void **state)
{
    static const bool some[] = {true, false, true};
    const struct trial trials[] = {
        {.feed = {.next.slope = 0.2f}},
        {.feed = {.next.grid.border = 1}},
        {.feed = {.next = {.slope = 1.0f, .grid.border = 1}}, .more_too = true},
        {.feed = {.next.slope = 0.2f}, .more_too = true, .kept_too = true},
        {.feed = {.next.grid.border = 1, .dropout = some, .seeds = seeds, .layer = 6}},
        {.feed = {.dropout = some, .seeds = seeds, .layer = 9}, .skip_too = true},
        {.skip_too = true},
    };

    (void)state;
    for (int k = 0; k < SHAPES; k++)
        for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
            check_feed(shapes[k], 0.1f, &trials[i], 0);
    check_feed(shapes[1], 0.1f, &(struct trial){.feed.next = {.slope = 0.2f, .grid.border = 3}}, 0);
}

static void test_feed_int8(void **state)
{
    static const bool some[] = {true, false, true};
    const struct trial trials[] = {
        {.feed.next.slope = 0.2f, .next = PX_S8},
        {.feed.next = {.slope = 1.0f, .grid.border = 1}, .next = PX_S8, .more_too = true},
        {.feed.next = {.slope = 1.0f}, .next = PX_S8, .more_too = true, .kept_too = true},
        {.feed.next.grid.border = 1, .next = PX_U8},
        {.feed.next.slope = 0.2f, .next = PX_S8, .kept_too = true, .kept = PX_U8},
        {.feed = {.dropout = some, .seeds = seeds, .layer = 6}, .next = PX_U8, .skip_too = true},
        {.next = PX_U8, .skip_too = true, .skip = PX_U8},
    };

    (void)state;
    for (int k = 0; k < SHAPES; k++)
        for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
            check_feed(shapes[k], 0.1f, &trials[i], 0);
}

/* Halves go to the even neighbour, and what is too large or no number to an end. */
static void test_rounding(void **state)
{
    const float in[] = {0.5f,   1.5f,   2.5f,    -0.5f,  -1.5f, 126.5f,
                        127.5f, 300.0f, -127.5f, -1e30f, NAN};
    const int s8[] = {0, 2, 2, 0, -2, 126, 127, 127, -127, -127, -127};
    const int u8[] = {0, 2, 2, 0, 0, 126, 128, 255, 0, 0, 0};
    enum { N = sizeof in / sizeof *in };
    float data[N], one[N];
    uint8_t out[N];
    struct px_grid grid = {data, PX_F32, 1, 1, 1, N, false, 0};
    struct px_feed_pass feed = {.next = {.grid = grid, .slope = 1.0f, .inverse = one}};

    (void)state;
    for (int i = 0; i < N; i++) {
        data[i] = in[i];
        one[i] = 1.0f;
    }
    feed.next.grid.data = out;
    feed.next.grid.dtype = PX_S8;
    px_pass_feed(&grid, NULL, &feed, 1);
    for (int i = 0; i < N; i++)
        assert_int_equal((int8_t)out[i], s8[i]);
    feed.next.grid.dtype = PX_U8;
    px_pass_feed(&grid, NULL, &feed, 1);
    for (int i = 0; i < N; i++)
        assert_int_equal(out[i], u8[i]);
}

/* Without a norm, and by one that is fixed. */
static void test_fixed(void **state)
{
    struct sample s = make(shapes[1], 0.1f, 2.0f);
    int channels = s.grid.channels;
    float *gamma = ramp(channels, 0.5f, 0.1f), *beta = ramp(channels, -0.3f, 0.2f);
    float *mean = ramp(channels, -1.0f, 0.3f), *out = malloc(s.count * sizeof *out);
    struct px_norm_pass norm = {gamma, beta, NULL, mean};
    struct px_feed_pass feed = {.next = {.grid = s.grid, .slope = 0.2f}};
    double *want = malloc(s.count * sizeof *want);
    struct fed f = {&s.grid, &feed, s.plain, 0};

    (void)state;
    feed.next.grid.data = out;
    px_pass_feed(&s.grid, NULL, &feed, 2);
    check_target(&f, &feed.next, 0);
    px_pass_feed(&s.grid, &norm, &feed, 2);
    for (size_t i = 0; i < s.count; i++) {
        int c = (int)(i % (size_t)channels);
        want[i] = (s.plain[i] - (double)mean[c]) * (double)gamma[c] + (double)beta[c];
    }
    f.want = want;
    check_target(&f, &feed.next, 0);
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
               &(struct trial){.feed.next.slope = 0.2f}, 3e-3);
}

/* Element by element the same bits with one thread, with four, and alone. */
static void test_same_bits(void **state)
{
    static const bool on[] = {true, true, true};
    static const uint64_t same[] = {5, 5, 5};
    struct px_grid shape = {NULL, PX_F32, PICTURES, 32, 32, 24, true, 1}, plain = shape;
    struct sample s = make(shape, 0.1f, 2.0f);
    float *gamma = ramp(24, 0.5f, 0.01f), *beta = ramp(24, -0.3f, 0.02f);
    float *work = malloc(px_pass_work(&shape) * sizeof *work);
    struct px_norm_pass norm = {gamma, beta, work, NULL};
    struct px_feed_pass feed = {.dropout = on, .seeds = same, .layer = 3};
    char *got[3];

    (void)state;
    plain.depth_to_space = false;
    plain.border = 0;
    for (int k = 0; k < 3; k++) { /* the last time one by one */
        int n = k < 2 ? PICTURES : 1, threads = k == 0 ? 1 : 4;

        feed.next.grid = plain;
        feed.next.grid.data = got[k] = room(&plain);
        for (int i = 0; i < PICTURES; i += n) {
            struct px_grid part = px_grid_slice(&s.grid, i, n);
            struct px_feed_pass its = feed;

            its.next.grid = px_grid_slice(&feed.next.grid, i, n);
            px_pass_statistics(&part, &norm, threads);
            px_pass_feed(&part, &norm, &its, threads);
        }
    }
    assert_memory_equal(got[0], got[1], px_grid_bytes(&plain));
    assert_memory_equal(got[0], got[2], px_grid_bytes(&plain));
    for (int k = 0; k < 3; k++)
        free(got[k]);
    free(work);
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
    struct px_feed_pass feed = {.next.grid = shape, .dropout = on, .seeds = seed, .layer = 8};
    size_t kept = 0, n = s.count;

    (void)state;
    feed.next.grid.depth_to_space = false;
    feed.next.grid.border = 0;
    float *out = feed.next.grid.data = room(&feed.next.grid);
    px_pass_feed(&s.grid, NULL, &feed, 1);
    for (size_t i = 0; i < n; i++)
        kept += out[i] > 0;
    assert_true(fabs((double)kept / (double)n - 0.5) < 2.5 / sqrt((double)n));
    free(out);
    release(&s);
}

static void test_pixels_in(void **state)
{
    uint8_t bytes[2 * 4 * 3];
    const uint8_t *in[2] = {bytes, bytes};
    float out[2 * 4 * 6 * 3];
    struct px_batch p = {.n = 2, .height = 2, .width = 4, .in = in};
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
    struct px_batch f = {.n = 1, .height = 64, .width = 64, .out_f32 = out_f32};
    struct px_batch u = {.n = 1, .height = 64, .width = 64, .out = out_u8};

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
        CHECK("normalises, drops, adds, joins, activates and mirrors as the definition says",
              test_feed),
        CHECK("activates with a fixed norm and with none", test_fixed),
        CHECK("keeps the variance when the mean is far from zero", test_far_mean),
        CHECK("rounds to 8 bits what it reads, keeps and joins", test_feed_int8),
        CHECK("rounds halves to even and keeps within the range", test_rounding),
        CHECK("gives the same bits with any threads and any batch", test_same_bits),
        CHECK("drops half of the channels", test_dropout_share),
        CHECK("scales 8-bit pixels to -1..1", test_pixels_in),
        CHECK("ends in tanh and truncates to 8 bits", test_pixels_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
