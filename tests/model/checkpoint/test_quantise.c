#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/checkpoint/quantise.h"
#include "tests/model/generator.h"

enum { FIRST = 1, LAST = 8 }; /* layers of a unet_32 that the tests quantise: Conv2d, transposed */

static char folder[64];
static char plain[96];   /* a unet_32, f32 */
static char scratch[96]; /* made of it */

static struct px_checkpoint *open_good(const char *path)
{
    struct px_checkpoint *checkpoint = NULL;
    struct px_error err = {0};

    if (px_checkpoint_open(&checkpoint, path, &err) != 0)
        fail_msg("%s", err.message);
    return checkpoint;
}

static float *weights_of(const struct px_checkpoint *c, int layer)
{
    size_t count = px_tensor_count(px_checkpoint_tensor(c, layer, PX_ROLE_WEIGHT));
    float *weights = malloc(count * sizeof *weights);

    assert_non_null(weights);
    px_checkpoint_weights(c, layer, weights);
    return weights;
}

/* Layer FIRST and LAST with input scales that differ from channel to channel. */
static void write_int8(const char *path)
{
    struct px_checkpoint *c = open_good(plain), *q = NULL;
    struct px_int8_choice choice = {.others = PX_BF16};
    float scales[64];
    struct px_error err = {0};

    for (int i = 0; i < 64; i++)
        scales[i] = 0.01f * (float)(1 + i % 5);
    choice.input_scales[FIRST] = choice.input_scales[LAST] = scales;
    if (px_checkpoint_quantise(&q, c, &choice, &err) != 0 ||
        px_checkpoint_store(path, q, NULL, 0, PX_DTYPE_AUTO, &err) != 0)
        fail_msg("%s", err.message);
    px_checkpoint_close(q);
    px_checkpoint_close(c);
}

static void test_by_hand(void **state)
{
    const struct px_layer layer = {.in_channels = 2, .out_channels = 2, .kernel = 1};
    const float weights[4] = {1, -3, 0, 0}; /* [out][in] */
    const float input_scale[2] = {0.5f, 2};
    float weight_scale[2], back[4];
    int8_t q[4];
    (void)state;

    px_quantise(&layer, weights, input_scale, q, weight_scale);
    assert_true(weight_scale[0] == 6.0f / 127); /* the largest of 1 * 0.5 and 3 * 2 */
    assert_true(weight_scale[1] == 1);          /* of zeros */
    assert_int_equal(q[0], 11);                 /* 0.5 / 6 * 127 = 10.58 */
    assert_int_equal(q[1], -127);
    assert_int_equal(q[2], 0);
    assert_int_equal(q[3], 0);
    px_dequantise(&layer, &(struct px_tensor){.dtype = PX_S8, .data = q},
                  &(struct px_tensor){.dtype = PX_F32, .data = weight_scale},
                  &(struct px_tensor){.dtype = PX_F32, .data = input_scale}, back);
    assert_float_equal(back[0], 11 * 6.0f / 127 / 0.5f, 1e-6f);
    assert_float_equal(back[1], -3, 1e-6f);
    assert_true(back[2] == 0 && back[3] == 0);
}

static void test_transposed(void **state)
{
    const struct px_layer layer = {
        .in_channels = 2, .out_channels = 1, .kernel = 1, .transposed = true};
    const struct px_layer wide = {
        .in_channels = 1, .out_channels = 2, .kernel = 1, .transposed = true};
    const float weights[2] = {1, 2}, input_scale[2] = {1, 0.25f};
    float weight_scale[2];
    int8_t q[2];
    (void)state;

    px_quantise(&layer, weights, input_scale, q, weight_scale); /* 1 and 0.5 of one output */
    assert_int_equal(q[0], 127);
    assert_int_equal(q[1], 64);
    px_quantise(&wide, weights, input_scale, q, weight_scale); /* each the largest of its output */
    assert_int_equal(q[0], 127);
    assert_int_equal(q[1], 127);
    assert_true(weight_scale[1] == 2 * weight_scale[0]);
}

static void test_levels(void **state)
{
    (void)state;
    assert_int_equal(px_quantise_levels(&(struct px_layer){.slope = 0}), 255);
    assert_int_equal(px_quantise_levels(&(struct px_layer){.slope = 0.2f}), 127);
    assert_int_equal(px_quantise_levels(&(struct px_layer){.slope = 1}), 127);
}

static void test_file(void **state)
{
    struct px_checkpoint *c = open_good(plain), *q;
    (void)state;

    write_int8(scratch);
    q = open_good(scratch);
    assert_int_equal(px_checkpoint_dtype(c), PX_F32);
    assert_int_equal(px_checkpoint_dtype(q), PX_S8);
    for (int layer = 0; layer < px_checkpoint_network(q)->layer_count; layer++) {
        bool quantised = layer == FIRST || layer == LAST;
        assert_int_equal(px_checkpoint_quantised(q, layer), quantised);
        assert_int_equal(px_checkpoint_tensor(q, layer, PX_ROLE_WEIGHT)->dtype,
                         quantised ? PX_S8 : PX_BF16);
        assert_int_equal(px_checkpoint_tensor(q, layer, PX_ROLE_INPUT_SCALE) != NULL, quantised);
        assert_int_equal(px_checkpoint_tensor(q, layer, PX_ROLE_WEIGHT_SCALE) != NULL, quantised);
    }
    const struct px_tensor *scale = px_checkpoint_tensor(q, LAST, PX_ROLE_INPUT_SCALE);
    assert_int_equal(scale->shape[0], px_checkpoint_network(q)->layers[LAST].in_channels);
    assert_true(((const float *)scale->data)[2] == 0.03f);
    px_checkpoint_close(q);
    px_checkpoint_close(c);
}

/* No weight is further from the real one than half a step of its channels. */
static void check_close(const struct px_checkpoint *c, const struct px_checkpoint *q, int layer)
{
    const struct px_layer *l = &px_checkpoint_network(c)->layers[layer];
    const float *out = px_checkpoint_tensor(q, layer, PX_ROLE_WEIGHT_SCALE)->data;
    const float *in = px_checkpoint_tensor(q, layer, PX_ROLE_INPUT_SCALE)->data;
    float *real = weights_of(c, layer), *got = weights_of(q, layer);
    int taps = l->kernel * l->kernel;

    for (int i = 0; i < l->in_channels; i++)
        for (int o = 0; o < l->out_channels; o++)
            for (int t = 0; t < taps; t++) {
                int pair = l->transposed ? i * l->out_channels + o : o * l->in_channels + i;
                float step = out[o] / in[i];
                assert_true(fabsf(real[pair * taps + t] - got[pair * taps + t]) <= 0.5001f * step);
            }
    free(real);
    free(got);
}

static void test_weights(void **state)
{
    struct px_checkpoint *c = open_good(plain), *q;
    (void)state;

    write_int8(scratch);
    q = open_good(scratch);
    check_close(c, q, FIRST);
    check_close(c, q, LAST);
    float *real = weights_of(c, 0), *got = weights_of(q, 0);
    for (size_t i = 0; i < px_tensor_count(px_checkpoint_tensor(c, 0, PX_ROLE_WEIGHT)); i++)
        assert_true(got[i] == px_bf16_to_f32(px_f32_to_bf16(real[i])));
    free(real);
    free(got);
    px_checkpoint_close(q);
    px_checkpoint_close(c);
}

static void test_not_finite(void **state)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    struct px_checkpoint *c = open_good(plain), *q = NULL;
    struct px_tensor bad = *px_checkpoint_tensor(c, LAST, PX_ROLE_WEIGHT);
    float *weights = weights_of(c, LAST), scales[64];
    struct px_int8_choice choice = {.others = PX_BF16, .input_scales[LAST] = scales};
    (void)state;

    for (int i = 0; i < 64; i++)
        scales[i] = 0.01f;
    bad.data = weights;
    c->tensors[LAST][PX_ROLE_WEIGHT] = &bad;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct px_error err = {0};
        weights[5] = odd[i];
        assert_int_equal(px_checkpoint_quantise(&q, c, &choice, &err), -PX_E_INVALID);
        assert_non_null(strstr(err.message, px_checkpoint_network(c)->layers[LAST].conv));
        assert_non_null(strstr(err.message, i == 0 ? "nan" : "inf"));
    }
    free(weights);
    px_checkpoint_close(c);
}

static void test_dequantise(void **state)
{
    struct px_error err = {0};
    char path[128];
    (void)state;

    write_int8(scratch);
    struct px_checkpoint *q = open_good(scratch);
    float *before = weights_of(q, FIRST);
    assert_int_equal(px_checkpoint_save_pth("/none", q, PX_F32, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "int8"));
    assert_int_equal(px_checkpoint_dequantise(q, &err), 0);
    assert_int_equal(px_checkpoint_dtype(q), PX_BF16); /* of layer 0 */
    assert_false(px_checkpoint_quantised(q, FIRST));
    assert_null(px_checkpoint_tensor(q, FIRST, PX_ROLE_WEIGHT_SCALE));
    float *after = weights_of(q, FIRST);
    size_t bytes = px_checkpoint_tensor(q, FIRST, PX_ROLE_WEIGHT)->bytes;
    assert_memory_equal(before, after, bytes);
    free(before);
    free(after);
    snprintf(path, sizeof path, "%s/g.pth", folder);
    assert_int_equal(px_checkpoint_save_pth(path, q, PX_F32, &err), 0);
    px_checkpoint_close(q);
    assert_int_equal(px_checkpoint_import(&q, path, NULL, &err), 0);
    assert_int_equal(px_checkpoint_dtype(q), PX_F32);
    px_checkpoint_close(q);
    unlink(path);
}

/* The tensors of an int8 file, to be changed; the first changed one is given by name. */
struct parts {
    struct px_checkpoint *source;
    struct px_tensor tensors[64];
    size_t count;
};

static struct px_tensor *part(struct parts *parts, const char *role)
{
    const char *conv = px_checkpoint_network(parts->source)->layers[FIRST].conv;

    for (size_t i = 0; i < parts->count; i++) {
        const char *name = parts->tensors[i].name;
        if (strncmp(name, conv, strlen(conv)) == 0 && strcmp(name + strlen(conv), role) == 0)
            return &parts->tensors[i];
    }
    fail_msg("no %s", role);
    return NULL;
}

static struct parts take_apart(void)
{
    struct parts parts;

    write_int8(scratch);
    parts.source = open_good(scratch);
    parts.count = px_checkpoint_list(parts.source)->count;
    assert_true(parts.count <= 64);
    memcpy(parts.tensors, px_checkpoint_list(parts.source)->tensors,
           parts.count * sizeof *parts.tensors);
    return parts;
}

static void refused(struct parts *parts, const char *message)
{
    struct px_checkpoint *checkpoint = NULL;
    struct px_error err = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/bad", folder);
    assert_int_equal(px_safetensors_save(path, parts->tensors, parts->count, NULL, 0, &err), 0);
    int rc = px_checkpoint_open(&checkpoint, path, &err);
    if (rc != -PX_E_FORMAT || !strstr(err.message, message))
        fail_msg("expected '%s', got %d: %s", message, rc, err.message);
    assert_ptr_equal(strstr(err.message, path), err.message);
    unlink(path);
    px_checkpoint_close(parts->source);
}

static void drop(struct parts *parts, struct px_tensor *tensor)
{
    *tensor = parts->tensors[--parts->count];
}

static void test_bad_files(void **state)
{
    struct parts parts = take_apart();
    (void)state;

    drop(&parts, part(&parts, ".weight_scale"));
    refused(&parts, "model.1.weight_scale' is missing: the weights are int8");
    parts = take_apart();
    drop(&parts, part(&parts, ".input_scale"));
    refused(&parts, "model.1.input_scale' is missing: the weights are int8");
    parts = take_apart();
    drop(&parts, part(&parts, ".weight"));
    refused(&parts, "a U-Net of depth 1");
    parts = take_apart();
    part(&parts, ".weight_scale")->dtype = PX_I64;
    part(&parts, ".weight_scale")->shape[0] /= 2;
    refused(&parts, "model.1.weight_scale' is of type i64, it must be f32");
    parts = take_apart();
    part(&parts, ".input_scale")->shape[0] -= 1;
    part(&parts, ".input_scale")->bytes -= 4;
    refused(&parts, "model.1.input_scale' has the shape [");
    parts = take_apart(); /* four times as many channels of int8 as there were floats */
    part(&parts, ".input_scale")->dtype = PX_S8;
    part(&parts, ".input_scale")->shape[0] *= 4;
    refused(&parts, "is of type int8, it must be f32");
}

static void test_useless_scale(void **state)
{
    static const float scales[64] = {1};
    struct parts parts = take_apart();
    char name[PX_NAME_MAX + 32];
    (void)state;

    snprintf(name, sizeof name, "%s.input_scale",
             px_checkpoint_network(parts.source)->layers[2].conv);
    int channels = px_checkpoint_network(parts.source)->layers[2].in_channels;
    parts.tensors[parts.count++] = (struct px_tensor){.name = name,
                                                      .dtype = PX_F32,
                                                      .ndim = 1,
                                                      .shape = {channels},
                                                      .data = scales,
                                                      .bytes = 4 * (size_t)channels};
    refused(&parts, "has no use: the weights are bf16");
}

static void test_bad_scales(void **state)
{
    static const float values[] = {0, -1, INFINITY, 0x1p-127f};
    static const char *const messages[] = {"is 0,", "is -1,", "is inf,", "is 5.87747e-39,"};
    (void)state;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (int k = 0; k < 2; k++) {
            struct parts parts = take_apart();
            struct px_tensor *scale = part(&parts, k ? ".input_scale" : ".weight_scale");
            float copy[64];
            memcpy(copy, scale->data, scale->bytes);
            copy[1] = values[i];
            scale->data = copy;
            refused(&parts, messages[i]);
        }
}

static void test_saving_real(void **state)
{
    struct parts parts = take_apart();
    const struct px_int8_choice choice = {.others = PX_BF16};
    struct px_checkpoint *none;
    struct px_error err = {0};
    char path[128];
    (void)state;

    snprintf(path, sizeof path, "%s/no", folder);
    assert_int_equal(px_checkpoint_save(path, px_checkpoint_network(parts.source), parts.tensors,
                                        parts.count, NULL, 0, PX_BF16, &err),
                     -PX_E_INVALID);
    assert_non_null(strstr(err.message, "is int8: dequantise it to store it as bf16"));
    assert_int_equal(px_checkpoint_quantise(&none, parts.source, &choice, &err), -PX_E_INVALID);
    assert_int_equal(access(path, F_OK), -1);
    px_checkpoint_close(parts.source);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/px-quantise-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(plain, sizeof plain, "%s/f32", folder);
    snprintf(scratch, sizeof scratch, "%s/int8", folder);
    const struct px_network_options options = {.architecture = "unet_32",
                                               .ngf = 4,
                                               .input_nc = 3,
                                               .output_nc = 3,
                                               .norm = PX_NORM_BATCH,
                                               .direction = "AtoB"};
    generator_write(plain, &options, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(plain);
    unlink(scratch);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("weights and scales are those of the formula", test_by_hand),
        CHECK("a transposed layer's scales are its outputs' too", test_transposed),
        CHECK("inputs have 255 levels after a ReLU, else 127", test_levels),
        CHECK("a file with int8 layers has their scales, the others as bf16", test_file),
        CHECK("int8 weights stand for real ones within half a step", test_weights),
        CHECK("weights that are not finite are refused, with the layer's name", test_not_finite),
        CHECK("a dequantised checkpoint holds the real weights and becomes a .pth",
              test_dequantise),
        CHECK("scales that are missing or of another type or shape are named", test_bad_files),
        CHECK("a scale without int8 weights is refused", test_useless_scale),
        CHECK("a scale that is not positive and finite is refused", test_bad_scales),
        CHECK("int8 weights are not stored as another type without their scales", test_saving_real),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
