#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/checkpoint/quantise.h"
#include "model/engine/algorithm.h"
#include "model/int8/calibrate.h"
#include "model/int8/emulate.h"
#include "model/int8/ranges.h"
#include "tests/model/generator.h"

enum { SIDE = 32, NGF = 4, PICTURES = 3, LAST = 9 };

static const struct px_network_options unet_32 = {.architecture = "unet_32",
                                                  .ngf = NGF,
                                                  .input_nc = 3,
                                                  .output_nc = 3,
                                                  .norm = PX_NORM_BATCH,
                                                  .direction = "AtoB"};
static char folder[64];
static char path[96]; /* a unet_32, f32 */
static struct px_engine *engine;
static uint8_t drawn[PICTURES][SIDE * SIDE * 3];
static const uint8_t *const pictures[PICTURES] = {drawn[0], drawn[1], drawn[2]};

static struct px_engine *start(void)
{
    const struct px_engine_options options = {.threads = 2, .first_cpu = -1};
    struct px_engine *started = NULL;
    struct px_error err = {0};

    if (px_engine_create(&started, &options, &err) != 0)
        fail_msg("%s", err.message);
    return started;
}

static struct px_checkpoint *open_good(const char *file)
{
    struct px_checkpoint *checkpoint = NULL;
    struct px_error err = {0};

    if (px_checkpoint_open(&checkpoint, file, &err) != 0)
        fail_msg("%s", err.message);
    return checkpoint;
}

static struct px_checkpoint *open_plain(void)
{
    return open_good(path);
}

static struct px_batch batch_of(const uint8_t *const *in, uint8_t *const *out)
{
    return (struct px_batch){
        .n = 1, .height = SIDE, .width = SIDE, .norm = PX_TEST_BATCH, .in = in, .out = out};
}

/* The answer of a checkpoint, which is taken over, to the first picture. */
static void emulate_by(struct px_checkpoint *checkpoint, enum px_norm_mode norm, uint8_t *out)
{
    struct px_batch batch = batch_of(pictures, &out);
    struct px_emulation *emulation;
    struct px_error err = {0};

    batch.norm = norm;
    if (px_emulation_create(&emulation, checkpoint, 2, &err) != 0 ||
        px_emulation_run(emulation, &batch, &err) != 0)
        fail_msg("%s", err.message);
    px_emulation_destroy(emulation);
}

static void emulate(struct px_checkpoint *checkpoint, uint8_t *out)
{
    emulate_by(checkpoint, PX_TEST_BATCH, out);
}

static void test_ranges(void **state)
{
    struct px_checkpoint *c = open_plain();
    struct px_ranges *ranges;
    struct px_error err = {0};
    float scale[64];
    float data[] = {1, -4, 0, 0.25f, -0.5f, 2, 0, 0}; /* two pixels of four channels */
    const struct px_grid grid = {
        .data = data, .dtype = PX_F32, .n = 1, .height = 1, .width = 2, .channels = NGF};
    (void)state;

    assert_int_equal(px_ranges_create(&ranges, px_checkpoint_network(c), &err), 0);
    struct px_observer observer = px_ranges_observer(ranges);
    assert_null(observer.see(observer.context, 1, &grid));
    assert_int_equal(px_ranges_scales(ranges, 1, scale, &err), 0);
    assert_float_equal(scale[0], 2.0f / 127, 1e-7f); /* sqrt(1 * 4) */
    assert_float_equal(scale[1], 4.0f / 127, 1e-7f);
    assert_float_equal(scale[2], 4.0f / 32 / 127, 1e-7f); /* of nothing: a part of the largest */
    assert_float_equal(scale[3], 1.0f / 127, 1e-7f);
    assert_int_equal(px_ranges_scales(ranges, 2, scale, &err), 0);
    assert_true(scale[0] == 1); /* read nothing but zeros */
    for (int k = 0; k < 2; k++) {
        data[6] = k ? INFINITY : (float)NAN;
        observer.see(observer.context, 1, &grid);
        data[6] = 0;
        observer.see(observer.context, 1, &grid);
        assert_int_equal(px_ranges_scales(ranges, 1, scale, &err), -PX_E_FORMAT);
        assert_non_null(strstr(err.message, "model.model.1.model.1 reads numbers that are not"));
    }
    px_ranges_destroy(ranges);
    px_ranges_destroy(NULL);
    px_checkpoint_close(c);
}

static void test_plain(void **state)
{
    static uint8_t want[SIDE * SIDE * 3], got[SIDE * SIDE * 3];
    uint8_t *out = want;
    const struct px_batch batch = batch_of(pictures, &out);
    struct px_model *model;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_model_load(&model, path, PX_F32, &err), 0);
    assert_int_equal(px_engine_run(engine, model, &batch, &err), 0);
    px_model_unref(model);
    emulate(open_plain(), got);
    assert_memory_equal(got, want, sizeof got);
}

static double psnr(const uint8_t *a, const uint8_t *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return 10 * log10(255 * 255 * (double)count / sum);
}

/* A checkpoint with all layers int8 that can be, with plausible scales; made of the one at `path`.
 */
static struct px_checkpoint *all_int8(const struct px_checkpoint *plain)
{
    static float scales[PX_MAX_LAYERS][64];
    struct px_int8_choice choice = {.others = PX_F32};
    struct px_checkpoint *c;
    struct px_error err = {0};

    for (int layer = 0; layer < px_checkpoint_network(plain)->layer_count; layer++)
        for (int i = 0; px_algorithm_has_int8(px_checkpoint_network(plain), layer) && i < 64; i++) {
            scales[layer][i] = (3.0f + (float)(i % 3)) / 255;
            choice.input_scales[layer] = scales[layer];
        }
    assert_int_equal(px_checkpoint_quantise(&c, plain, &choice, &err), 0);
    return c;
}

/* Whether the CPU has int8. Both round what layers read to the same levels: what is left is what
 * bf16 between layers moves over an edge. Levels as coarse as these harm several times more. */
static bool check_engine(const char *file, enum px_norm_mode norm)
{
    static uint8_t plain[SIDE * SIDE * 3], emulated[SIDE * SIDE * 3], got[SIDE * SIDE * 3];
    uint8_t *out = got;
    struct px_batch batch = batch_of(pictures, &out);
    struct px_checkpoint *c = open_good(file), *int8 = all_int8(c);
    struct px_engine *own = start();
    struct px_model *model = NULL;
    struct px_error err = {0};

    batch.norm = norm;
    int rc = px_model_create(&model, int8, PX_S8, &err);
    if (rc == 0) {
        assert_int_equal(px_engine_run(own, model, &batch, &err), 0);
        emulate_by(all_int8(c), norm, emulated);
        emulate_by(open_good(file), norm, plain);
        double harm = psnr(plain, emulated, sizeof got), error = psnr(got, emulated, sizeof got);
        if (error < harm + 6 || error < 35)
            fail_msg("%s, norm %d: int8 harms %.1f dB, and differs by %.1f", file, norm, harm,
                     error);
    } else {
        assert_int_equal(rc, -PX_E_USAGE);
        px_checkpoint_close(int8);
    }
    px_engine_destroy(own);
    px_model_unref(model);
    px_checkpoint_close(c);
    return rc == 0;
}

static void test_engine(void **state)
{
    const struct px_network_options resnet = {.architecture = "resnet_2blocks",
                                              .ngf = NGF,
                                              .input_nc = 3,
                                              .output_nc = 3,
                                              .norm = PX_NORM_INSTANCE,
                                              .direction = "AtoB"};
    char file[96];
    (void)state;

    snprintf(file, sizeof file, "%s/other", folder);
    generator_write(file, &resnet, false);
    bool able = check_engine(path, PX_TEST_BATCH) && check_engine(file, PX_TEST_BATCH);
    generator_write(file, &unet_32, true);
    able = able && check_engine(file, PX_TEST_RUNNING);
    unlink(file);
    NEEDS(able, "int8");
}

/* What the last layer reads for the first picture. */
struct read_by_last {
    float *x; /* (SIDE / 2, SIDE / 2, 2 * NGF) */
};

static void *keep(void *context, int layer, const struct px_grid *in)
{
    struct read_by_last *last = context;
    size_t count = px_grid_elements(in);

    if (layer != LAST)
        return NULL;
    assert_int_equal(count, SIDE / 2 * SIDE / 2 * 2 * NGF);
    memcpy(last->x, in->data, count * sizeof *last->x);
    return NULL;
}

static float *read_by_last(void)
{
    static uint8_t answer[SIDE * SIDE * 3];
    uint8_t *out = answer;
    struct read_by_last last = {calloc(SIDE / 2 * SIDE / 2 * 2 * NGF, sizeof(float))};
    const struct px_observer observer = {keep, &last};
    const struct px_batch batch = batch_of(pictures, &out);
    struct px_model *model;
    struct px_error err = {0};

    assert_int_equal(px_model_load(&model, path, PX_F32, &err), 0);
    px_engine_observe(engine, &observer);
    assert_int_equal(px_engine_run(engine, model, &batch, &err), 0);
    px_engine_observe(engine, NULL);
    px_model_unref(model);
    return last.x;
}

/* The last layer of an int8 checkpoint, ConvTranspose2d 4x4 stride 2 pad 1 after a ReLU, in whole
 * numbers: the sum for one output. */
static long whole_sum(const struct px_checkpoint *c, const float *x, int o, int oy, int ox)
{
    const int8_t *q = px_checkpoint_tensor(c, LAST, PX_ROLE_WEIGHT)->data;
    const float *scale = px_checkpoint_tensor(c, LAST, PX_ROLE_INPUT_SCALE)->data;
    long sum = 0;

    for (int ky = 0; ky < 4; ky++)
        for (int kx = 0; kx < 4; kx++) {
            int y = oy + 1 - ky, x0 = ox + 1 - kx;
            if (y < 0 || x0 < 0 || y % 2 || x0 % 2 || y / 2 >= SIDE / 2 || x0 / 2 >= SIDE / 2)
                continue;
            for (int i = 0; i < 2 * NGF; i++) {
                float value = x[(y / 2 * (SIDE / 2) + x0 / 2) * 2 * NGF + i];
                float level = rintf(value * (1 / scale[i]));
                level = fminf(255, fmaxf(0, level));
                sum += (long)level * q[((i * 3 + o) * 4 + ky) * 4 + kx];
            }
        }
    return sum;
}

static void test_whole_numbers(void **state)
{
    struct px_checkpoint *plain = open_plain(), *c;
    struct px_int8_choice choice = {.others = PX_F32};
    uint8_t got[SIDE * SIDE * 3];
    float scales[2 * NGF], weight_scale[3], bias[3], *x = read_by_last();
    struct px_error err = {0};
    int off = 0;
    (void)state;

    for (int i = 0; i < 2 * NGF; i++) /* small enough that some are over 255 */
        scales[i] = 0.002f * (float)(i + 1);
    choice.input_scales[LAST] = scales;
    assert_int_equal(px_checkpoint_quantise(&c, plain, &choice, &err), 0);
    memcpy(weight_scale, px_checkpoint_tensor(c, LAST, PX_ROLE_WEIGHT_SCALE)->data,
           sizeof weight_scale);
    px_tensor_to_f32(px_checkpoint_tensor(c, LAST, PX_ROLE_BIAS), bias);
    double *want = malloc(sizeof got * sizeof *want);
    for (int k = 0; k < SIDE * SIDE * 3; k++) {
        long sum = whole_sum(c, x, k % 3, k / 3 / SIDE, k / 3 % SIDE);
        double y = (double)sum * (double)weight_scale[k % 3] + (double)bias[k % 3];
        want[k] = (tanh(y) + 1) * 127.5;
    }
    emulate(c, got);
    for (int k = 0; k < SIDE * SIDE * 3; k++) { /* truncated; f32 may be on the other side */
        assert_true(fabs(got[k] + 0.5 - want[k]) <= 0.5 + 1e-3);
        off += got[k] != 127;
    }
    assert_true(off > SIDE * SIDE);
    free(want);
    free(x);
    px_checkpoint_close(plain);
}

struct watch {
    int calls, stop_at; /* 0: never */
    char last[24];
};

static int progress(void *context, const char *step, int done, int count, struct px_error *err)
{
    struct watch *watch = context;

    assert_in_range(done, 1, count);
    snprintf(watch->last, sizeof watch->last, "%s", step);
    if (++watch->calls == watch->stop_at)
        return px_fail(err, PX_E_INTERRUPTED, "stopped");
    return 0;
}

static struct px_calibration_options options_of(const struct px_checkpoint *c, struct watch *watch,
                                                double min_psnr)
{
    return (struct px_calibration_options){.checkpoint = c,
                                           .threads = 2,
                                           .norm = PX_TEST_BATCH,
                                           .pictures = pictures,
                                           .count = PICTURES,
                                           .height = SIDE,
                                           .width = SIDE,
                                           .min_psnr = min_psnr,
                                           .progress = progress,
                                           .context = watch};
}

static int chosen(const struct px_calibration *calibration)
{
    int count = 0;

    for (int layer = 0; layer < PX_MAX_LAYERS; layer++)
        count += calibration->choice.input_scales[layer] != NULL;
    return count;
}

static void test_all(void **state)
{
    struct px_checkpoint *c = open_plain();
    struct watch watch = {0};
    const struct px_calibration_options options = options_of(c, &watch, 10);
    struct px_calibration calibration;
    struct px_error err = {0};
    (void)state;

    if (px_calibrate(&calibration, &options, &err) != 0)
        fail_msg("%s", err.message);
    for (int layer = 0; layer < px_checkpoint_network(c)->layer_count; layer++) {
        bool can = px_algorithm_has_int8(px_checkpoint_network(c), layer);
        assert_int_equal(calibration.choice.input_scales[layer] != NULL, can);
        assert_int_equal(isnan(calibration.alone[layer]), !can);
        if (can) /* together they harm more */
            assert_true(calibration.alone[layer] > calibration.psnr);
    }
    assert_in_range(chosen(&calibration), 1, LAST);
    assert_true(calibration.psnr > 20);
    assert_int_equal(watch.calls, PICTURES * (1 + chosen(&calibration) + 1));
    assert_string_equal(watch.last, "together");
    px_calibration_clear(&calibration);
    px_checkpoint_close(c);
}

/* The goal lies between all layers and one. */
static void test_goal(void **state)
{
    struct px_checkpoint *c = open_plain();
    struct watch watch = {0};
    struct px_calibration_options options = options_of(c, &watch, 10);
    struct px_calibration all, some;
    struct px_error err = {0};
    double least = INFINITY;
    (void)state;

    assert_int_equal(px_calibrate(&all, &options, &err), 0);
    options.min_psnr = all.psnr + 2;
    if (px_calibrate(&some, &options, &err) != 0)
        fail_msg("%s", err.message);
    assert_in_range(chosen(&some), 1, chosen(&all) - 1);
    assert_true(some.psnr >= options.min_psnr);
    for (int layer = 0; layer <= LAST; layer++) /* none that stays harms more than one that goes */
        if (all.choice.input_scales[layer] && !some.choice.input_scales[layer])
            least = fmin(least, -all.alone[layer]);
    for (int layer = 0; layer <= LAST; layer++)
        if (some.choice.input_scales[layer])
            assert_true(-some.alone[layer] <= least);
    px_calibration_clear(&all);
    px_calibration_clear(&some);
    px_checkpoint_close(c);
}

/* A ResNet without norms, without biases, and with a first layer that no dark pixel gets through.
 */
static void write_blind(const char *file)
{
    const struct px_network_options resnet = {.architecture = "resnet_1blocks",
                                              .ngf = NGF,
                                              .input_nc = 3,
                                              .output_nc = 3,
                                              .norm = PX_NORM_NONE,
                                              .direction = "AtoB"};
    struct px_tensor tensors[2 * PX_MAX_LAYERS];
    float *owned[2 * PX_MAX_LAYERS];
    struct px_error err = {0};
    size_t count = 0;

    generator_write(file, &resnet, false);
    struct px_checkpoint *c = open_good(file);
    for (int layer = 0; layer < px_checkpoint_network(c)->layer_count; layer++)
        for (int role = PX_ROLE_WEIGHT; role <= PX_ROLE_BIAS; role++) {
            const struct px_tensor *t = px_checkpoint_tensor(c, layer, (enum px_tensor_role)role);
            if (!t)
                continue;
            float *data = owned[count] = calloc(px_tensor_count(t), sizeof *data);
            if (role == PX_ROLE_WEIGHT)
                px_tensor_to_f32(t, data);
            for (size_t i = 0; layer == 0 && i < px_tensor_count(t); i++)
                data[i] = fabsf(data[i]);
            tensors[count] = *t;
            tensors[count++].data = data;
        }
    if (px_checkpoint_save(file, px_checkpoint_network(c), tensors, count, NULL, 0, PX_F32, &err) !=
        0)
        fail_msg("%s", err.message);
    while (count > 0)
        free(owned[--count]);
    px_checkpoint_close(c);
}

/* No number of pictures that int8 answers as f32 does makes up for what it does to others. */
static void test_equal_answers(void **state)
{
    static const uint8_t black[SIDE * SIDE * 3];
    const uint8_t *const mixed[] = {drawn[0], black, black}, *const blank[] = {black};
    struct px_checkpoint *c;
    struct watch watch = {0};
    struct px_calibration calibration;
    struct px_error err = {0};
    char file[96];
    (void)state;

    snprintf(file, sizeof file, "%s/resnet", folder);
    write_blind(file);
    c = open_good(file);
    struct px_calibration_options options = options_of(c, &watch, 10);
    options.count = 1;
    assert_int_equal(px_calibrate(&calibration, &options, &err), 0);
    double one = calibration.psnr;
    px_calibration_clear(&calibration);
    assert_true(isfinite(one));
    options.pictures = mixed;
    options.count = 3;
    assert_int_equal(px_calibrate(&calibration, &options, &err), 0);
    assert_true(fabs(calibration.psnr - one) < 1e-9);
    px_calibration_clear(&calibration);
    options.pictures = blank;
    options.count = 1;
    assert_int_equal(px_calibrate(&calibration, &options, &err), 0);
    assert_true(isinf(calibration.psnr));
    px_calibration_clear(&calibration);
    px_checkpoint_close(c);
    unlink(file);
}

/* The input scales of the layer behind the first that drops. */
static void scales_behind(const struct px_checkpoint *c, int dropping, float scales[64])
{
    static const uint8_t picture[64 * 64 * 3] = {255, 0, 255};
    const uint8_t *const one[] = {picture};
    struct watch watch = {0};
    struct px_calibration_options options = options_of(c, &watch, 1);
    struct px_calibration calibration;
    struct px_error err = {0};
    const int channels = px_checkpoint_network(c)->layers[dropping + 1].in_channels;

    assert_in_range(channels, 1, 64);
    options.pictures = one;
    options.count = 1;
    options.height = options.width = 64;
    if (px_calibrate(&calibration, &options, &err) != 0)
        fail_msg("%s", err.message);
    memcpy(scales, calibration.choice.input_scales[dropping + 1],
           (size_t)channels * sizeof *scales);
    px_calibration_clear(&calibration);
}

/* A layer that drops doubles what it keeps: of its channels about half have their largest. */
static void test_dropout(void **state)
{
    const struct px_network_options unet = {.architecture = "unet_64",
                                            .ngf = 2,
                                            .input_nc = 3,
                                            .output_nc = 3,
                                            .norm = PX_NORM_BATCH,
                                            .dropout = true,
                                            .direction = "AtoB"};
    char file[96];
    struct px_checkpoint *c;
    struct px_error err = {0};
    int dropping = 0, doubled = 0;
    float with[64] = {0}, without[64] = {0};
    (void)state;

    snprintf(file, sizeof file, "%s/dropout", folder);
    generator_write(file, &unet, false);
    assert_int_equal(px_checkpoint_open(&c, file, &err), 0);
    while (!px_checkpoint_network(c)->layers[dropping].has_dropout)
        assert_true(++dropping < px_checkpoint_network(c)->layer_count);
    scales_behind(c, dropping, with);
    c->network.dropout = c->network.layers[dropping].has_dropout = false;
    scales_behind(c, dropping, without);
    for (int i = 0; i < 64; i++)
        doubled += with[i] > 1.4f * without[i];
    assert_true(doubled >= 4);
    px_checkpoint_close(c);
    unlink(file);
}

static void test_failures(void **state)
{
    struct px_checkpoint *c = open_plain();
    struct watch watch = {0};
    struct px_calibration_options options = options_of(c, &watch, 200);
    struct px_calibration calibration;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_calibrate(&calibration, &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "no layer can be int8 and keep a PSNR of 200 dB"));
    for (int stop = 1; stop <= 7; stop += 3) {
        watch = (struct watch){.stop_at = stop};
        assert_int_equal(px_calibrate(&calibration, &options, &err), -PX_E_INTERRUPTED);
        assert_int_equal(watch.calls, stop);
    }
    options.norm = PX_TEST_RUNNING;
    assert_int_equal(px_calibrate(&calibration, &options, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "no running statistics"));
    px_checkpoint_close(c);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/px-calibrate-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    engine = start();
    snprintf(path, sizeof path, "%s/f32", folder);
    generator_write(path, &unet_32, false);
    for (int i = 0; i < PICTURES; i++)
        for (size_t k = 0; k < sizeof drawn[i]; k++) /* squares of 4x4 */
            drawn[i][k] =
                (uint8_t)(px_hash((uint64_t)i, k % 3, k / 3 % SIDE / 4 + k / 3 / SIDE / 4 * SIDE) >>
                          32);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    px_engine_destroy(engine);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a channel's scale is between its own range and the largest", test_ranges),
        CHECK("without int8 layers an emulation is f32", test_plain),
        CHECK("an emulated int8 layer is the sum of whole numbers", test_whole_numbers),
        CHECK("the engine's int8 answers as the emulation, but for bf16", test_engine),
        CHECK("all layers that can become int8 where that keeps to the goal", test_all),
        CHECK("the layers that harm most stay where the goal is higher", test_goal),
        CHECK("pictures that int8 answers as f32 does hide no others", test_equal_answers),
        CHECK("dropout's doubled numbers are in the range", test_dropout),
        CHECK("goals out of reach, a stop and missing statistics are errors", test_failures),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
