#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitized.h"
#include "model/formats/safetensors.h"
#include "trainer/nn/gan.h"

/* Six steps of pix2pix against PyTorch (tests/golden/README.md tells how the files were made and
 * how far PyTorch's own float32 is from them). */

enum { STEPS = 6, SIDE = 32, PIXELS = SIDE * SIDE * 3 };

/* Steps of tests without PyTorch's: TSan takes a second for each, and two on a busy machine. */
enum {
    SIZES_STEPS = PX_SANITIZED ? 2 : 3,
    ACCUMULATED_STEPS = PX_SANITIZED ? 2 : 4,
    LEARNING_STEPS = PX_SANITIZED ? 50 : 150
};

static struct px_safetensors *open_golden(const char *name)
{
    struct px_safetensors *file = NULL;
    struct px_error err = {0};
    char path[4096];

    snprintf(path, sizeof path, "%s/golden/%s", getenv("PX_TESTS"), name);
    if (px_safetensors_open(&file, path, &err))
        fail_msg("%s", err.message);
    return file;
}

static float *floats_of(const struct px_tensor *tensor)
{
    float *f = malloc(px_tensor_count(tensor) * sizeof *f + 1);

    px_tensor_to_f32(tensor, f);
    return f;
}

static const struct px_tensor *find(const struct px_safetensors *file, const char *prefix,
                                    const char *name)
{
    char full[256];

    snprintf(full, sizeof full, "%s%s", prefix, name);
    return px_tensor_find(px_safetensors_list(file), full);
}

static struct px_gan *create_of(enum px_dtype dtype, int batch, int threads)
{
    const struct px_network_options net = {.architecture = "unet_32",
                                           .ngf = 4,
                                           .input_nc = 3,
                                           .output_nc = 3,
                                           .norm = PX_NORM_BATCH,
                                           .crop_size = SIDE,
                                           .direction = "AtoB"};
    struct px_gan_options o = {.ndf = 4,
                               .n_layers_D = 3,
                               .batch_size = batch,
                               .threads = threads,
                               .dtype = dtype,
                               .beta1 = 0.5,
                               .lambda_GAN = 1,
                               .lambda_L1 = 100,
                               .init = {PX_INIT_NORMAL, 0.02},
                               .seed = 1};
    struct px_gan *gan = NULL;
    struct px_error err = {0};

    if (px_network_make(&o.network, &net, &err) || px_gan_create(&gan, &o, &err))
        fail_msg("%s", err.message);
    return gan;
}

static struct px_gan *create(int batch, int threads)
{
    return create_of(PX_F32, batch, threads);
}

static bool is_moment(const char *name)
{
    return strstr(name, "adam_") != NULL;
}

/* Gives the gan PyTorch's initial weights; every tensor but the moments and the counter has one. */
static void load_weights(struct px_gan *gan)
{
    struct px_safetensors *file = open_golden("training.safetensors");
    const struct px_tensor *list;
    size_t n = px_gan_tensors(gan, &list);

    for (size_t i = 0; i < n; i++) {
        if (is_moment(list[i].name) || strcmp(list[i].name, "steps") == 0)
            continue;
        const struct px_tensor *from = px_tensor_find(px_safetensors_list(file), list[i].name);
        if (!from)
            fail_msg("training.safetensors has no %s", list[i].name);
        if (list[i].dtype == PX_I64)
            continue; /* counters start at 0 in both */
        assert_int_equal(px_tensor_count(from), px_tensor_count(&list[i]));
        px_tensor_to_f32(from, (float *)(uintptr_t)list[i].data);
    }
    px_safetensors_close(file);
}

/* The largest difference, and the largest magnitude that is wanted. */
static double difference(const float *got, const struct px_tensor *want, double *largest)
{
    float *w = floats_of(want);
    double most = 0;

    *largest = 0;
    for (size_t i = 0; i < px_tensor_count(want); i++) {
        double d = fabs((double)got[i] - (double)w[i]);
        most = d > most || isnan(d) ? d : most;
        if (fabs((double)w[i]) > *largest)
            *largest = fabs((double)w[i]);
    }
    free(w);
    return most;
}

/* Weights after a step: Adam's step is lr * sign(gradient) at first, so an element whose gradient
 * is rounding noise may move the other way: 2 * lr a step is allowed to one element in a thousand.
 */
static void check_weights(const struct px_gan *gan, const struct px_safetensors *golden,
                          const char *prefix, double tolerance)
{
    const struct px_tensor *list;
    size_t n = px_gan_tensors(gan, &list), checked = 0;

    for (size_t i = 0; i < n; i++) {
        double largest;
        if (is_moment(list[i].name) || list[i].dtype != PX_F32)
            continue;
        const struct px_tensor *want = find(golden, prefix, list[i].name);
        if (!want)
            fail_msg("no %s%s in the golden file", prefix, list[i].name);
        double d = difference(list[i].data, want, &largest);
        if (!(d <= tolerance * (1 + largest)))
            fail_msg("%s%s is off by %g (largest %g)", prefix, list[i].name, d, largest);
        checked++;
    }
    assert_int_equal(checked, 58); /* 39 of G, 19 of D */
}

/* After one step Adam's first moment is (1 - beta1) times the gradient, exactly with a beta1 of
 * 1/2.
 */
static float *first_gradient(const struct px_gan *gan, const char *name)
{
    char moment[256];
    const struct px_tensor *list;
    size_t n = px_gan_tensors(gan, &list);

    snprintf(moment, sizeof moment, "%.2sadam_m.%s", name, name + 2);
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, moment) == 0) {
            float *f = floats_of(&list[i]);
            for (size_t k = 0; k < px_tensor_count(&list[i]); k++)
                f[k] *= 2;
            return f;
        }
    fail_msg("no gradient of %s", name);
    return NULL;
}

static void check_gradients(const struct px_gan *gan, const struct px_safetensors *golden)
{
    size_t checked = 0;

    for (size_t i = 0; i < px_safetensors_list(golden)->count; i++) {
        const struct px_tensor *want = &px_safetensors_list(golden)->tensors[i];
        double largest;
        if (strncmp(want->name, "grad.", 5) != 0)
            continue;
        float *got = first_gradient(gan, want->name + 5);
        double d = difference(got, want, &largest);
        free(got);
        if (!(d <= 2e-5 * largest + 1e-9)) /* five times PyTorch's own f32 error */
            fail_msg("the gradient of %s is off by %g (largest %g)", want->name + 5, d, largest);
        checked++;
    }
    assert_true(checked > 30);
}

static void check_losses(const struct px_gan_losses *got, const float *want, int step)
{
    const float g[4] = {got->G_GAN, got->G_L1, got->D_real, got->D_fake};
    static const char *const names[] = {"G_GAN", "G_L1", "D_real", "D_fake"};

    for (int i = 0; i < 4; i++)
        if (!(fabsf(g[i] - want[i]) <= 1e-4f * fabsf(want[i])))
            fail_msg("step %d: %s is %g, not %g", step, names[i], (double)g[i], (double)want[i]);
}

/* `count` pairs of SIDE x SIDE pictures. */
static struct px_train_batch batch_of(int count, const float *a, const float *b)
{
    return (struct px_train_batch){a, b, count, SIDE, SIDE, 0, false};
}

static void run_golden(int batch, int threads)
{
    char name[64];
    struct px_gan *gan = create(batch, threads);
    struct px_error err = {0};

    snprintf(name, sizeof name, "training_b%d.golden.safetensors", batch);
    struct px_safetensors *golden = open_golden(name);
    load_weights(gan);
    float *a = floats_of(px_tensor_find(px_safetensors_list(golden), "a"));
    float *b = floats_of(px_tensor_find(px_safetensors_list(golden), "b"));
    float *losses = floats_of(px_tensor_find(px_safetensors_list(golden), "losses"));
    for (int s = 0; s < STEPS; s++) {
        struct px_gan_losses got;
        size_t at = (size_t)(s * batch * PIXELS);
        const struct px_train_batch pairs = batch_of(batch, a + at, b + at);
        if (px_gan_step(gan, &pairs, 2e-4, &got, &err))
            fail_msg("%s", err.message);
        check_losses(&got, losses + (size_t)s * 4, s + 1);
        if (s == 0) {
            check_gradients(gan, golden);
            check_weights(gan, golden, "first.", 2e-6);
        }
    }
    check_weights(gan, golden, "last.", 1e-4);
    free(a);
    free(b);
    free(losses);
    px_safetensors_close(golden);
    px_gan_destroy(gan);
}

static void test_golden_1(void **state)
{
    (void)state;
    run_golden(1, 1);
}

static void test_golden_2(void **state)
{
    (void)state;
    run_golden(2, 3);
}

static float *noise(size_t n, uint64_t seed)
{
    float *f = malloc(n * sizeof *f);

    for (size_t i = 0; i < n; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        f[i] = (float)(seed >> 40) * 0x1p-23f - 1;
    }
    return f;
}

static void check_repeats(enum px_dtype dtype)
{
    struct px_gan *one = create_of(dtype, 1, 2), *two = create_of(dtype, 1, 2);
    struct px_gan_losses l1, l2;
    float *a = noise(PIXELS, 1), *b = noise(PIXELS, 2);
    const struct px_train_batch pair = batch_of(1, a, b);

    for (int s = 0; s < 3; s++) {
        assert_int_equal(px_gan_step(one, &pair, 2e-4, &l1, NULL), 0);
        assert_int_equal(px_gan_step(two, &pair, 2e-4, &l2, NULL), 0);
        assert_memory_equal(&l1, &l2, sizeof l1);
    }
    const struct px_tensor *t1, *t2;
    size_t n = px_gan_tensors(one, &t1);
    assert_int_equal(px_gan_tensors(two, &t2), n);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(t1[i].data, t2[i].data, t1[i].bytes);
    px_gan_destroy(one);
    px_gan_destroy(two);
    free(a);
    free(b);
}

static void test_repeats(void **state)
{
    (void)state;
    check_repeats(PX_F32);
    if (px_dnn_has_bf16())
        check_repeats(PX_BF16);
}

static void test_generate(void **state)
{
    struct px_gan *gan = create(2, 2);
    float *a = noise(2 * PIXELS, 3), *y = malloc(PIXELS * sizeof *y), *again = malloc(PIXELS * 4);
    const struct px_train_batch pairs = batch_of(2, a, a), picture = batch_of(1, a, NULL);
    struct px_gan_losses l;
    const struct px_tensor *list;
    (void)state;

    load_weights(gan);
    assert_int_equal(px_gan_step(gan, &pairs, 2e-4, &l, NULL), 0);
    size_t n = px_gan_tensors(gan, &list), bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += list[i].bytes;
    char *before = malloc(bytes), *p = before;
    for (size_t i = 0; i < n; p += list[i++].bytes)
        memcpy(p, list[i].data, list[i].bytes);

    assert_int_equal(px_gan_generate(gan, &picture, y, NULL), 0);
    assert_int_equal(px_gan_generate(gan, &picture, again, NULL), 0);
    assert_memory_equal(y, again, PIXELS * sizeof *y);
    p = before;
    for (size_t i = 0; i < n; p += list[i++].bytes)
        assert_memory_equal(p, list[i].data, list[i].bytes);
    free(before);
    free(a);
    free(y);
    free(again);
    px_gan_destroy(gan);
}

/* The pictures and kernels of `from`, with rows for columns. */
static float *transposed(const float *from, size_t height, size_t width)
{
    float *to = malloc(height * width * 3 * sizeof *to);

    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            memcpy(to + (x * height + y) * 3, from + (y * width + x) * 3, 3 * sizeof *to);
    return to;
}

static void transpose_kernels(struct px_gan *gan)
{
    const struct px_tensor *list;
    size_t n = px_gan_tensors(gan, &list);

    for (size_t i = 0; i < n; i++) {
        float *w = (float *)(uintptr_t)list[i].data;
        size_t side = list[i].ndim == 4 ? (size_t)list[i].shape[3] : 0;
        for (size_t k = 0; side && k < px_tensor_count(&list[i]); k += side * side)
            for (size_t y = 0; y < side; y++)
                for (size_t x = 0; x < y; x++) {
                    float keep = w[k + y * side + x];
                    w[k + y * side + x] = w[k + x * side + y];
                    w[k + x * side + y] = keep;
                }
    }
}

/* Wide pictures train as high ones do with everything turned over, so that no height is taken for a
 * width; and what was made for another size leaves no trace. */
static void test_sizes(void **state)
{
    enum { WIDTH = 96, HEIGHT = 64, COUNT = WIDTH * HEIGHT * 3 };
    struct px_gan *wide = create(1, 2), *high = create(1, 2), *direct = create(1, 2);
    float *a = noise(COUNT, 1), *b = noise(COUNT, 2), *y = malloc(COUNT * sizeof *y);
    float *ta = transposed(a, HEIGHT, WIDTH), *tb = transposed(b, HEIGHT, WIDTH);
    float *ty = malloc(COUNT * sizeof *ty);
    const struct px_train_batch picture = {a, b, 1, HEIGHT, WIDTH, 0, false},
                                turned = {ta, tb, 1, WIDTH, HEIGHT, 0, false};
    const struct px_train_batch small = {a, NULL, 1, 32, 32, 0, false},
                                odd = {a, b, 1, 50, WIDTH, 0, false};
    struct px_gan_losses l, t, d;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_gan_step(wide, &odd, 1e-4, &l, &err), -PX_E_INVALID);
    assert_int_equal(px_gan_generate(wide, &odd, y, &err), -PX_E_INVALID);
    transpose_kernels(high);
    for (int i = 0; i < SIZES_STEPS; i++) {
        assert_int_equal(px_gan_generate(wide, &small, y, &err), 0); /* in between */
        assert_int_equal(px_gan_step(wide, &picture, 1e-4, &l, &err), 0);
        assert_int_equal(px_gan_step(direct, &picture, 1e-4, &d, &err), 0);
        assert_int_equal(px_gan_step(high, &turned, 1e-4, &t, &err), 0);
        assert_memory_equal(&l, &d, sizeof l);
        assert_true(fabsf(l.G_GAN - t.G_GAN) < 1e-3f * l.G_GAN);
        assert_true(fabsf(l.G_L1 - t.G_L1) < 1e-3f * l.G_L1);
        assert_true(fabsf(l.D_real - t.D_real) < 1e-3f * l.D_real);
    }
    assert_int_equal(px_gan_generate(wide, &picture, y, &err), 0);
    assert_int_equal(px_gan_generate(high, &turned, ty, &err), 0);
    float *back = transposed(ty, WIDTH, HEIGHT), most = 0, spread = 0;
    for (size_t i = 0; i < COUNT; i++) {
        most = fmaxf(most, fabsf(back[i] - y[i]));
        spread = fmaxf(spread, fabsf(y[i] - y[0]));
    }
    assert_true(most < 0.01f * spread);
    float *const all[] = {a, b, y, ta, tb, ty, back};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    px_gan_destroy(wide);
    px_gan_destroy(high);
    px_gan_destroy(direct);
}

static struct px_gan *create_parts(enum px_norm norm, double lambda_GAN, int batch, int accumulate)
{
    const struct px_network_options net = {.architecture = "unet_32",
                                           .ngf = 2,
                                           .input_nc = 3,
                                           .output_nc = 3,
                                           .norm = norm,
                                           .crop_size = SIDE,
                                           .direction = "AtoB"};
    struct px_gan_options o = {.ndf = 2,
                               .n_layers_D = 2,
                               .batch_size = batch,
                               .accumulate = accumulate,
                               .threads = 2,
                               .beta1 = 0.5,
                               .lambda_GAN = lambda_GAN,
                               .lambda_L1 = 10,
                               .init = {PX_INIT_NORMAL, 0.2},
                               .seed = 1};
    struct px_gan *gan = NULL;

    assert_int_equal(px_network_make(&o.network, &net, NULL), 0);
    assert_int_equal(px_gan_create(&gan, &o, NULL), 0);
    return gan;
}

static void assert_near_weights(const struct px_gan *one, const struct px_gan *two)
{
    const struct px_tensor *t1, *t2;
    size_t n = px_gan_tensors(one, &t1);

    assert_int_equal(px_gan_tensors(two, &t2), n);
    for (size_t i = 0; i < n; i++) {
        const float *a = t1[i].data, *b = t2[i].data;
        for (size_t k = 0; k < px_tensor_count(&t1[i]) && t1[i].dtype == PX_F32; k++)
            if (!(fabsf(a[k] - b[k]) <= 2e-5f * (1 + fabsf(b[k]))))
                fail_msg("%s[%zu] is %g, not %g", t1[i].name, k, (double)a[k], (double)b[k]);
    }
}

static void check_accumulation(enum px_norm norm, double lambda_GAN)
{
    float *a = noise(4 * PIXELS, 7), *b = noise(4 * PIXELS, 8);
    struct px_gan *whole = create_parts(norm, lambda_GAN, 4, 0);
    struct px_gan *halves = create_parts(norm, lambda_GAN, 2, 2);
    struct px_gan *quarters = create_parts(norm, lambda_GAN, 1, 4);
    struct px_gan *gans[3] = {whole, halves, quarters};
    const struct px_train_batch pairs = batch_of(4, a, b);
    struct px_gan_losses l[3];

    for (int s = 0; s < ACCUMULATED_STEPS; s++) {
        for (int g = 0; g < 3; g++)
            assert_int_equal(px_gan_step(gans[g], &pairs, 2e-3, &l[g], NULL), 0);
        for (int g = 1; g < 3; g++) {
            assert_true(fabsf(l[g].G_L1 - l[0].G_L1) < 1e-4f * l[0].G_L1);
            assert_true(fabsf(l[g].G_GAN - l[0].G_GAN) <= 1e-4f * l[0].G_GAN);
            assert_true(fabsf(l[g].D_real - l[0].D_real) <= 1e-4f * l[0].D_real);
            assert_true(fabsf(l[g].D_fake - l[0].D_fake) <= 1e-4f * l[0].D_fake);
        }
    }
    assert_near_weights(halves, whole);
    assert_near_weights(quarters, whole);
    for (int g = 0; g < 3; g++)
        px_gan_destroy(gans[g]);
    free(a);
    free(b);
}

static void test_accumulation(void **state)
{
    (void)state;
    check_accumulation(PX_NORM_NONE, 1);
    check_accumulation(PX_NORM_INSTANCE, 1);
    check_accumulation(PX_NORM_NONE, 0);
}

static void assert_same_step(struct px_gan *one, struct px_gan *two,
                             const struct px_train_batch *batch)
{
    struct px_gan_losses l[2];

    assert_int_equal(px_gan_step(one, batch, 2e-3, &l[0], NULL), 0);
    assert_int_equal(px_gan_step(two, batch, 2e-3, &l[1], NULL), 0);
    assert_memory_equal(&l[0], &l[1], sizeof l[0]);
}

static void assert_same_weights(const struct px_gan *one, const struct px_gan *two)
{
    const struct px_tensor *t1, *t2;
    size_t n = px_gan_tensors(one, &t1);

    assert_int_equal(px_gan_tensors(two, &t2), n);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(t1[i].data, t2[i].data, t1[i].bytes);
}

/* The smaller step at the end of an epoch is what a gan of that batch size does, to the bit. */
static void test_counts(void **state)
{
    float *a = noise(7 * PIXELS, 7), *b = noise(7 * PIXELS, 8);
    struct px_gan *three = create(3, 2), *two = create(2, 2);
    struct px_gan *parts = create_parts(PX_NORM_BATCH, 1, 2, 4);
    struct px_gan *ones = create_parts(PX_NORM_BATCH, 1, 1, 7);
    struct px_train_batch counts[7]; /* of 1 to 7 pairs */
    (void)state;

    for (int i = 0; i < 7; i++)
        counts[i] = batch_of(i + 1, a, b);

    assert_same_step(three, two, &counts[1]);
    assert_same_step(three, two, &counts[0]);
    assert_same_step(three, two, &counts[1]);
    assert_same_weights(three, two);

    assert_same_step(parts, ones, &counts[6]); /* no two divide them */
    assert_same_weights(parts, ones);
    struct px_gan *pairs = create_parts(PX_NORM_BATCH, 1, 2, 3);
    px_gan_destroy(parts);
    parts = create_parts(PX_NORM_BATCH, 1, 2, 4);
    assert_same_step(parts, pairs, &counts[5]);
    assert_same_weights(parts, pairs);
    px_gan_destroy(three);
    px_gan_destroy(two);
    px_gan_destroy(parts);
    px_gan_destroy(pairs);
    px_gan_destroy(ones);
    free(a);
    free(b);
}

/* A checkpoint of the generator has just the tensors of its network. */
static void test_generator_tensors(void **state)
{
    static struct px_tensor_spec specs[PX_MAX_LAYERS * PX_ROLE_COUNT];
    const struct px_network_options net = {.architecture = "unet_32",
                                           .ngf = 4,
                                           .input_nc = 3,
                                           .output_nc = 3,
                                           .norm = PX_NORM_BATCH,
                                           .crop_size = SIDE,
                                           .direction = "AtoB"};
    struct px_gan *gan = create(1, 1);
    struct px_network network;
    const struct px_tensor *list;
    size_t count = px_gan_generator_tensors(gan, &list);
    (void)state;

    assert_int_equal(px_network_make(&network, &net, NULL), 0);
    size_t wanted = px_network_tensors(&network, specs, PX_MAX_LAYERS * PX_ROLE_COUNT);
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        size_t found = 0;
        for (size_t k = 0; k < count; k++)
            found += strcmp(specs[i].name, list[k].name) == 0;
        assert_int_equal(found, 1);
    }
    px_gan_destroy(gan);
}

static void test_learns(void **state)
{
    struct px_gan *gan = create(1, 2);
    float *a = noise(PIXELS, 5), *b = malloc(PIXELS * sizeof *b);
    const struct px_train_batch pair = batch_of(1, a, b);
    struct px_gan_losses l;
    (void)state;

    for (size_t i = 0; i < PIXELS; i++)
        b[i] = a[i] > 0 ? 0.6f : -0.4f;
    assert_int_equal(px_gan_step(gan, &pair, 2e-3, &l, NULL), 0);
    float first = l.G_L1;
    for (int s = 0; s < LEARNING_STEPS; s++)
        assert_int_equal(px_gan_step(gan, &pair, 2e-3, &l, NULL), 0);
    if (!(l.G_L1 < 0.7f * first))
        fail_msg("L1 went from %g only to %g", (double)first, (double)l.G_L1);
    free(a);
    free(b);
    px_gan_destroy(gan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("six steps at batch 1 give PyTorch's losses, gradients and weights", test_golden_1),
        CHECK("six steps at batch 2 give PyTorch's losses, gradients and weights", test_golden_2),
        CHECK("the same seed and threads give the same bits, in f32 and bf16", test_repeats),
        CHECK("generating a picture changes nothing and repeats", test_generate),
        CHECK("pictures may be of any size, wide or high, and change it between steps", test_sizes),
        CHECK("accumulated gradients are those of the whole batch", test_accumulation),
        CHECK("a step of fewer pictures is that of a smaller batch", test_counts),
        CHECK("the generator's tensors are those of its network", test_generator_tensors),
        CHECK("a pair is learnt", test_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
