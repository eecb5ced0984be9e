#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/network/network.h"
#include "model/network/tensor.h"

static struct px_network make(const char *architecture, int input_nc, int output_nc,
                              enum px_norm norm, bool dropout)
{
    struct px_network network;
    struct px_error err = {0};
    struct px_network_options options = {
        .architecture = architecture,
        .ngf = 64,
        .input_nc = input_nc,
        .output_nc = output_nc,
        .norm = norm,
        .dropout = dropout,
        .direction = "AtoB",
    };

    assert_int_equal(px_network_make(&network, &options, &err), 0);
    return network;
}

static struct px_tensor_spec specs[PX_MAX_LAYERS * PX_ROLE_COUNT];
enum { SPECS = sizeof specs / sizeof *specs };

static void test_counts(void **state)
{
    static const struct {
        const char *architecture;
        int input_nc, output_nc;
        enum px_norm norm;
        size_t parameters, tensors;
    } cases[] = {
        {"unet_256", 3, 3, PX_NORM_BATCH, 54413955, 82},
        {"unet_256", 3, 3, PX_NORM_INSTANCE, 54409603, 32},
        {"unet_256", 3, 3, PX_NORM_NONE, 54404099, 17},
        {"unet_256", 1, 1, PX_NORM_BATCH, 54407809, 82},
        {"unet_256", 1, 2, PX_NORM_BATCH, 54409858, 82},
        {"unet_128", 3, 3, PX_NORM_BATCH, 41828995, 70},
        {"encoder_decoder_256", 3, 3, PX_NORM_BATCH, 39075459, 82},
        {"resnet_9blocks", 3, 3, PX_NORM_BATCH, 11383427, 140},
        {"resnet_9blocks", 3, 3, PX_NORM_INSTANCE, 11378179, 48},
        {"resnet_6blocks", 3, 3, PX_NORM_BATCH, 7841411, 104},
        {"resnet_6blocks", 3, 3, PX_NORM_INSTANCE, 7837699, 36},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_network network =
            make(cases[i].architecture, cases[i].input_nc, cases[i].output_nc, cases[i].norm, true);
        size_t n = px_network_tensors(&network, specs, SPECS);
        size_t sum = 0;
        for (size_t t = 0; t < n; t++) {
            struct px_tensor view = {.ndim = specs[t].ndim};
            memcpy(view.shape, specs[t].shape, sizeof specs[t].shape);
            if (specs[t].role < PX_ROLE_RUNNING_MEAN)
                sum += px_tensor_count(&view);
        }
        assert_int_equal(n, cases[i].tensors);
        assert_int_equal(px_network_parameters(&network), cases[i].parameters);
        assert_int_equal(sum, cases[i].parameters);
    }
}

static void format_spec(const struct px_tensor_spec *spec, char *line, size_t room)
{
    size_t n = (size_t)snprintf(line, room, "%s [", spec->name);

    for (int i = 0; i < spec->ndim; i++)
        n +=
            (size_t)snprintf(line + n, room - n, "%s%lld", i ? "," : "", (long long)spec->shape[i]);
    snprintf(line + n, room - n, "]\n");
}

static void check_names(const struct px_network *network, const char *keys)
{
    char path[512], line[256], expected[256];

    snprintf(path, sizeof path, "%s/model/network/%s", getenv("PX_TESTS"), keys);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = px_network_tensors(network, specs, SPECS);
    size_t seen = 0;
    while (fgets(expected, sizeof expected, file)) {
        if (expected[0] == '#')
            continue;
        assert_true(seen < n);
        format_spec(&specs[seen++], line, sizeof line);
        assert_string_equal(line, expected);
    }
    fclose(file);
    assert_int_equal(seen, n);
}

static void test_names(void **state)
{
    struct px_network unet = make("unet_256", 3, 3, PX_NORM_BATCH, true);
    struct px_network resnet = make("resnet_9blocks", 3, 3, PX_NORM_BATCH, true);
    struct px_network cyclegan = make("resnet_9blocks", 3, 3, PX_NORM_INSTANCE, false);
    (void)state;

    check_names(&unet, "unet_256.keys");
    check_names(&resnet, "resnet_9blocks.keys");
    check_names(&cyclegan, "resnet_9blocks_instance.keys");
}

static void test_room(void **state)
{
    struct px_network network = make("unet_32", 3, 3, PX_NORM_BATCH, true);
    struct px_tensor_spec few[3] = {{.layer = -7}, {.layer = -7}, {.layer = -7}};
    (void)state;

    assert_int_equal(px_network_tensors(&network, NULL, 0), 46);
    assert_int_equal(px_network_tensors(&network, few, 2), 46);
    assert_int_equal(few[1].layer, 1);
    assert_int_equal(few[2].layer, -7);
}

static void test_wiring(void **state)
{
    struct px_network n = make("unet_256", 3, 3, PX_NORM_BATCH, true);
    (void)state;

    assert_string_equal(n.architecture, "unet_256");
    assert_int_equal(n.layer_count, 16);
    assert_int_equal(px_network_multiple(&n), 256);
    assert_int_equal(px_network_min_side(&n), 256);
    for (int i = 0; i < 16; i++) {
        bool outer = i == 0 || i == 7 || i == 15; /* without norm */
        assert_int_equal(n.layers[i].transposed, i >= 8);
        assert_true(n.layers[i].slope == (i == 0 ? 1.0f : i < 8 ? 0.2f : 0.0f));
        assert_int_equal(n.layers[i].has_norm, !outer);
        assert_int_equal(n.layers[i].norm[0] != 0, !outer);
        assert_int_equal(n.layers[i].has_bias, i == 15);
        assert_int_equal(n.layers[i].has_dropout, i >= 9 && i <= 11); /* 4x4, 8x8, 16x16 */
        assert_int_equal(n.layers[i].skip, i <= 8 ? -1 : 15 - i);
        if (i > 8) /* the skip and the previous up layer fill the input */
            assert_int_equal(n.layers[i].in_channels,
                             n.layers[15 - i].out_channels + n.layers[i - 1].out_channels);
        else if (i > 0)
            assert_int_equal(n.layers[i].in_channels, n.layers[i - 1].out_channels);
    }
}

/* The layers' sizes follow one another from a picture of any size that is allowed to the same size;
 * what is joined or added has the same size and channels. */
static void check_sizes(const struct px_network *n, int size)
{
    int inputs[PX_MAX_LAYERS + 1] = {size};

    for (int i = 0; i < n->layer_count; i++) {
        const struct px_layer *l = &n->layers[i];
        int in = inputs[i];

        inputs[i + 1] = l->transposed
                            ? (in - 1) * l->stride - 2 * l->pad + l->kernel + l->output_padding
                            : (in + 2 * l->pad - l->kernel) / l->stride + 1;
        int before = i > 0 ? l[-1].out_channels : n->input_nc;
        if (l->skip >= 0) {
            assert_int_equal(inputs[l->skip + 1], in);
            before += n->layers[l->skip].out_channels;
        }
        assert_int_equal(l->in_channels, before);
        if (l->residual < 0)
            continue;
        assert_int_equal(inputs[l->residual], inputs[i + 1]);
        assert_int_equal(n->layers[l->residual].in_channels, l->out_channels);
    }
    assert_int_equal(inputs[n->layer_count], size);
    assert_int_equal(n->layers[n->layer_count - 1].out_channels, n->output_nc);
}

static void test_sizes(void **state)
{
    static const char *const names[] = {"unet_32",        "unet_512",        "encoder_decoder_64",
                                        "resnet_1blocks", "resnet_32blocks", "resnet_9blocks"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct px_network n = make(names[i], 3, 2, PX_NORM_BATCH, true);
        check_sizes(&n, px_network_multiple(&n));
        check_sizes(&n, 3 * px_network_multiple(&n));
    }
}

static void test_encoder_decoder(void **state)
{
    struct px_network unet = make("unet_256", 3, 3, PX_NORM_BATCH, true);
    struct px_network n = make("encoder_decoder_256", 3, 3, PX_NORM_BATCH, true);
    (void)state;

    for (int i = 0; i < n.layer_count; i++) {
        assert_string_equal(n.layers[i].conv, unet.layers[i].conv);
        assert_string_equal(n.layers[i].norm, unet.layers[i].norm);
        assert_int_equal(n.layers[i].has_dropout, unet.layers[i].has_dropout);
        assert_int_equal(n.layers[i].skip, -1);
    }
    assert_int_equal(n.layers[15].in_channels, 64);
}

static void test_resnet(void **state)
{
    struct px_network n = make("resnet_6blocks", 3, 3, PX_NORM_BATCH, true);
    (void)state;

    assert_int_equal(n.layer_count, 18);
    assert_int_equal(n.crop_size, 256);
    assert_int_equal(px_network_min_side(&n), 8);
    assert_int_equal(px_network_multiple(&n), 4);
    for (int i = 0; i < 18; i++) {
        const struct px_layer *l = &n.layers[i];
        bool block = i >= 3 && i < 15, second = block && i % 2 == 0, outer = i == 0 || i == 17;

        assert_int_equal(l->kernel, outer ? 7 : 3);
        assert_int_equal(l->reflect, block || outer);
        assert_int_equal(l->transposed, i == 15 || i == 16);
        assert_int_equal(l->residual, second ? i - 1 : -1);
        assert_int_equal(l->has_dropout, block && !second);
        assert_int_equal(l->has_norm, i != 17);
        assert_int_equal(l->has_bias, i == 17);
        /* Neither the picture nor a block's sum is activated. */
        bool plain = i == 0 || i == 15 || (i > 3 && block && !second);
        assert_true(l->slope == (plain ? 1.0f : 0.0f));
    }
    n = make("resnet_6blocks", 3, 3, PX_NORM_NONE, false);
    assert_false(n.layers[3].has_dropout);
    assert_string_equal(n.layers[4].conv, "model.10.conv_block.5");
}

static void test_smallest(void **state)
{
    struct px_network n = make("unet_32", 1, 4, PX_NORM_INSTANCE, true);
    (void)state;

    assert_string_equal(n.architecture, "unet_32");
    for (int i = 0; i < n.layer_count; i++) {
        assert_false(n.layers[i].has_dropout); /* there is no middle block */
        assert_true(n.layers[i].has_bias);
    }
    assert_true(n.layers[1].has_norm);
    assert_string_equal(n.layers[1].norm, "model.model.1.model.2");
    assert_string_equal(n.layers[5].conv, "model.model.1.model.3.model.3.model.3.model.3");
    assert_string_equal(n.layers[5].norm, "model.model.1.model.3.model.3.model.3.model.4");
    assert_int_equal(n.layers[9].out_channels, 4);
    assert_int_equal(make("unet_512", 3, 3, PX_NORM_BATCH, true).layers[17].out_channels, 3);
}

static void test_depth_of(void **state)
{
    (void)state;
    assert_int_equal(px_network_depth_of("unet_32"), 5);
    assert_int_equal(px_network_depth_of("unet_128"), 7);
    assert_int_equal(px_network_depth_of("unet_256"), 8);
    assert_int_equal(px_network_depth_of("unet_512"), 9);
    assert_int_equal(px_network_depth_of("unet_16"), 0);
    assert_int_equal(px_network_depth_of("unet_1024"), 0);
    assert_int_equal(px_network_depth_of("unet_256 "), 0);
    assert_int_equal(px_network_depth_of("encoder_decoder_128"), 7);
    assert_int_equal(px_network_depth_of("resnet_1blocks"), 2);
    assert_int_equal(px_network_depth_of("resnet_32blocks"), 2);
    assert_int_equal(px_network_depth_of("resnet_0blocks"), 0);
    assert_int_equal(px_network_depth_of("resnet_33blocks"), 0);
    assert_int_equal(px_network_depth_of("resnet_09blocks"), 0);
}

static void refused(struct px_network_options options, const char *word)
{
    struct px_network network;
    struct px_error err = {0};

    assert_int_equal(px_network_make(&network, &options, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, word));
}

static void test_ranges(void **state)
{
    const struct px_network_options good = {"unet_256", 64, 3, 3, PX_NORM_BATCH, true, 256, "AtoB"};
    struct px_network_options o;
    (void)state;

    o = good, o.architecture = "unet_16", refused(o, "architecture 'unet_16'");
    o = good, o.architecture = NULL, refused(o, "architecture ''");
    o = good, o.ngf = 0, refused(o, "ngf 0");
    o = good, o.ngf = 1025, refused(o, "ngf 1025");
    o = good, o.input_nc = 0, refused(o, "input_nc 0");
    o = good, o.output_nc = 65, refused(o, "output_nc 65");
    o = good, o.norm = (enum px_norm)9, refused(o, "norm 9");
    o = good, o.crop_size = -256, refused(o, "crop_size -256");
    o = good, o.crop_size = 255, refused(o, "multiple of 256");
    o = good, o.crop_size = 8192 + 256, refused(o, "up to 8192");
    o = good, o.direction = "atob", refused(o, "'atob'");
    o = good, o.direction = NULL, refused(o, "direction ''");
}

static void test_dtypes(void **state)
{
    (void)state;
    assert_int_equal(px_dtype_size(PX_BF16), 2);
    assert_int_equal(px_dtype_size(PX_I64), 8);
    assert_int_equal(px_dtype_size(PX_S8), 1);
    assert_int_equal(px_dtype_size(PX_U8), 1);
    assert_int_equal(px_dtype_size(PX_DTYPE_AUTO), 0);
    assert_string_equal(px_dtype_name(PX_F16), "f16");
    assert_string_equal(px_dtype_name(PX_S8), "int8");
    assert_string_equal(px_dtype_name(PX_DTYPE_AUTO), "auto");
}

static void test_bf16(void **state)
{
    (void)state;
    assert_int_equal(px_f32_to_bf16(1.0f), 0x3f80);
    assert_int_equal(px_f32_to_bf16(0x1.01p0f), 0x3f80); /* a tie goes to even: down ... */
    assert_int_equal(px_f32_to_bf16(0x1.03p0f), 0x3f82); /* ... and up */
    assert_int_equal(px_f32_to_bf16(0x1.010002p0f), 0x3f81);
    assert_int_equal(px_f32_to_bf16(3.4e38f), 0x7f80); /* rounds up to infinity */
    assert_int_equal(px_f32_to_bf16(-INFINITY), 0xff80);
    assert_true(isnan(px_bf16_to_f32(px_f32_to_bf16(NAN))));
    for (uint32_t b = 0; b < 0x10000; b++) {
        float f = px_bf16_to_f32((uint16_t)b);
        assert_int_equal(px_f32_to_bf16(f), isnan(f) ? b | 0x40 : b);
    }
}

/* Converts one element that lies at an odd address. */
static float convert(enum px_dtype dtype, const void *bits)
{
    uint8_t raw[9];
    float out = -1;
    struct px_tensor tensor = {
        .dtype = dtype, .data = raw + 1, .bytes = px_dtype_size(dtype)}; /* shape [] */

    memcpy(raw + 1, bits, px_dtype_size(dtype));
    px_tensor_to_f32(&tensor, &out);
    return out;
}

static float f16(unsigned bits)
{
    uint16_t h = (uint16_t)bits;
    return convert(PX_F16, &h);
}

static float f64(double d)
{
    return convert(PX_F64, &d);
}

static void test_f16(void **state)
{
    (void)state;
    assert_true(f16(0x3c00) == 1.0f);
    assert_true(f16(0xc000) == -2.0f);
    assert_true(f16(0x3555) == 0x1.554p-2f);
    assert_true(f16(0x7bff) == 65504.0f);
    assert_true(f16(0x0400) == 0x1p-14f);
    assert_true(f16(0x0001) == 0x1p-24f);
    assert_true(f16(0x83ff) == -1023.0f * 0x1p-24f);
    assert_true(f16(0x0000) == 0 && !signbit(f16(0x0000)));
    assert_true(f16(0x8000) == 0 && signbit(f16(0x8000)));
    assert_true(f16(0x7c00) == INFINITY && f16(0xfc00) == -INFINITY);
    assert_true(isnan(f16(0x7e00)) && isnan(f16(0x7c01)) && isnan(f16(0xfe00)));
}

static void test_other_types(void **state)
{
    float f = 0x1p-149f;
    uint16_t b = 0x0001;
    int64_t i = -3;
    int8_t q = -127;
    (void)state;

    assert_true(convert(PX_F32, &f) == 0x1p-149f);
    assert_true(convert(PX_BF16, &b) == 0x1p-133f);
    assert_true(convert(PX_I64, &i) == -3.0f);
    assert_true(convert(PX_S8, &q) == -127.0f);
    assert_true(f64(0.1) == 0.1f);
    assert_true(f64(0x1p-149) == 0x1p-149f);
    assert_true(f64(0x1p-160) == 0);
    assert_true(f64(1e300) == INFINITY && f64(-INFINITY) == -INFINITY);
    assert_true(isnan(f64((double)NAN)));
    px_tensor_to_f32(&(struct px_tensor){.dtype = PX_F32, .ndim = 1}, NULL); /* shape [0] */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("parameters and tensors are as many as PyTorch's", test_counts),
        CHECK("U-Net and ResNet have PyTorch's tensor names, shapes and order", test_names),
        CHECK("a short list of tensors is filled as far as it goes", test_room),
        CHECK("norm, bias, dropout and skips sit where networks.py puts them", test_wiring),
        CHECK("an encoder-decoder is a U-Net without skips", test_encoder_decoder),
        CHECK("a ResNet pads, adds and drops where networks.py does", test_resnet),
        CHECK("sizes and channels fit from layer to layer", test_sizes),
        CHECK("unet_32 has no dropout, and instance norm gives every layer a bias", test_smallest),
        CHECK("architectures are known by their exact names", test_depth_of),
        CHECK("numbers out of range are refused by name and value", test_ranges),
        CHECK("element types have their sizes and names", test_dtypes),
        CHECK("bf16 rounds to nearest even and keeps every bf16 value", test_bf16),
        CHECK("f16 converts exactly, with denormals, infinities and NaN", test_f16),
        CHECK("unaligned elements of every type convert to f32", test_other_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
