#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/checkpoint/parts/checkpoint_parts.h"
#include "tests/model/formats/pth_files.h"

/* The bytes of a file in a block of exactly its size, so that the address sanitizer sees a read
 * past its end. */
static uint8_t *bytes_of(const char *name, size_t *size)
{
    struct px_error err = {0};
    uint8_t *data;

    assert_int_equal(px_file_read(golden_path(name), 1 << 20, &data, size, &err), 0);
    uint8_t *exact = malloc(*size);
    assert_non_null(exact);
    memcpy(exact, data, *size);
    free(data);
    return exact;
}

static void test_good_files(void **state)
{
    static const struct {
        const char *name;
        enum px_dtype dtype;
        enum px_norm norm;
        size_t tensors;
        bool has_running;
    } cases[] = {
        {"zip_1.13.pth", PX_F32, PX_NORM_BATCH, 46, true},
        {"zip_2.6.pth", PX_F32, PX_NORM_BATCH, 46, true},
        {"legacy.pth", PX_F32, PX_NORM_BATCH, 46, true},
        {"module_prefix.pth", PX_F32, PX_NORM_BATCH, 46, true},
        {"f16.pth", PX_F16, PX_NORM_BATCH, 46, true},
        {"bf16.pth", PX_BF16, PX_NORM_BATCH, 46, true},
        {"f64.pth", PX_F64, PX_NORM_BATCH, 46, true},
        {"strides.pth", PX_F32, PX_NORM_BATCH, 46, true},
        {"parameters.pth", PX_F32, PX_NORM_BATCH, 25, false},
        {"python2.pth", PX_F32, PX_NORM_BATCH, 39, true},
        {"python2_views.pth", PX_F32, PX_NORM_BATCH, 39, true},
        {"none.pth", PX_F32, PX_NORM_NONE, 11, true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_checkpoint *c = import(cases[i].name);
        assert_string_equal(px_checkpoint_network(c)->architecture, "unet_32");
        assert_int_equal(px_checkpoint_network(c)->ngf, 1);
        assert_int_equal(px_checkpoint_network(c)->input_nc, 3);
        assert_int_equal(px_checkpoint_network(c)->output_nc, 2);
        assert_int_equal(px_checkpoint_network(c)->norm, cases[i].norm);
        assert_int_equal(px_checkpoint_dtype(c), cases[i].dtype);
        assert_int_equal(px_checkpoint_has_running(c), cases[i].has_running);
        assert_null(c->file);
        size_t found = check_values(c);
        if (found != cases[i].tensors)
            fail_msg("%s has %zu tensors", cases[i].name, found);
        px_checkpoint_close(c);
    }
}

static void test_stale_statistics(void **state)
{
    struct px_checkpoint *c = import("stale_instance.pth");
    (void)state;

    assert_int_equal(px_checkpoint_network(c)->norm, PX_NORM_INSTANCE);
    assert_non_null(px_tensor_find(px_checkpoint_list(c), "model.model.1.model.2.running_mean"));
    for (int layer = 0; layer < px_checkpoint_network(c)->layer_count; layer++)
        assert_null(px_checkpoint_tensor(c, layer, PX_ROLE_RUNNING_MEAN));
    px_checkpoint_close(c);
}

static void test_safetensors_too(void **state)
{
    struct px_checkpoint *c = NULL;
    struct px_error err = {0};
    char path[512];
    (void)state;

    snprintf(path, sizeof path, "%s/model/data/unet_32.safetensors", getenv("PX_TESTS"));
    assert_int_equal(px_checkpoint_import(&c, path, NULL, &err), 0);
    assert_non_null(c->file);
    assert_null(c->pth);
    px_checkpoint_close(c);
    assert_int_equal(px_checkpoint_import(&c, golden_path("no.pth"), NULL, &err), -PX_E_NOT_FOUND);
}

static void test_daemon(void **state)
{
    struct px_checkpoint *c = NULL;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_checkpoint_open(&c, golden_path("zip_1.13.pth"), &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "probably a .pth of PyTorch; convert it with"));
}

static void test_strangers(void **state)
{
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"discriminator.pth", "this is a discriminator, which tells real pictures from fakes"},
        {"whole_module.pth", "save the state_dict"},
        {"whole_module_legacy.pth", "'torch.nn.modules.linear.Linear'"},
        {"nested.pth", "the file holds no tensors"},
        {"tensor.pth", "the file holds a single tensor, not a state_dict"},
        {"i32.pth", "the file holds no tensors; not read: 'a' is stored as torch.IntStorage"},
        {"expanded.pth", "tensor 'a' repeats elements of its storage"},
        {"protocol4.pth", "the first tensor that does not fit is 'a'"},
        {"torchscript.pth", "a TorchScript archive"},
        {"tiny_zip.pth", "not a known generator: tensor 'model.model.0.weight' is missing"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_checkpoint *c = NULL;
        struct px_error err = {0};
        const char *path = golden_path(cases[i].name);
        int rc = px_checkpoint_import(&c, path, NULL, &err);
        if (rc != -PX_E_FORMAT || !strstr(err.message, cases[i].message))
            fail_msg("%s: expected '%s', got %d: %s", cases[i].name, cases[i].message, rc,
                     err.message);
        assert_ptr_equal(strstr(err.message, path), err.message);
    }
}

static void check_tensor(const struct px_pth *file, const char *name, const char *shape,
                         const float *values)
{
    const struct px_tensor *tensor = px_tensor_find(px_pth_list(file), name);
    float found[16];
    char text[32] = "";

    assert_non_null(tensor);
    for (int i = 0; i < tensor->ndim; i++)
        snprintf(text + strlen(text), 8, "%d,", (int)tensor->shape[i]);
    assert_string_equal(text, shape);
    assert_int_equal(tensor->bytes, px_tensor_count(tensor) * px_dtype_size(tensor->dtype));
    px_tensor_to_f32(tensor, found);
    for (size_t i = 0; i < px_tensor_count(tensor); i++)
        assert_true(found[i] == values[i]);
}

static void test_tiny(void **state)
{
    static const char *const names[] = {"tiny_zip.pth", "tiny_legacy.pth"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct px_pth *file = NULL;
        struct px_error err = {0};
        float whole[12];
        float transposed[12];
        if (px_pth_open(&file, golden_path(names[i]), &err) != 0)
            fail_msg("%s", err.message);
        for (size_t k = 0; k < 12; k++) {
            whole[k] = expected(0, k);
            transposed[k] = expected(0, k % 4 * 3 + k / 4);
        }
        const float part[] = {whole[4], whole[5], whole[7], whole[8]};
        assert_int_equal(px_pth_list(file)->count, 9);
        check_tensor(file, "module.whole", "4,3,", whole);
        check_tensor(file, "module.transposed", "3,4,", transposed);
        check_tensor(file, "module.part", "2,2,", part);
        check_tensor(file, "parameter", "2,", (const float[]){0.5f, -0.5f});
        check_tensor(file, "half", "2,", (const float[]){0.5f, -0.25f});
        check_tensor(file, "brain", "2,", (const float[]){0.5f, -0.25f});
        check_tensor(file, "double", "1,1,", (const float[]){0.1f});
        check_tensor(file, "counter", "", (const float[]){-7});
        check_tensor(file, "empty", "0,3,", NULL);
        px_pth_close(file);
    }
    px_pth_close(NULL);
}

/* Whole files are understood; no beginning of one is. */
static void test_truncation(void **state)
{
    static const char *const names[] = {"tiny_zip.pth", "tiny_legacy.pth", "python2.pth"};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        size_t size;
        uint8_t *data = bytes_of(names[i], &size);
        for (size_t n = i == 2 ? size - 300 : 0; n < size; n++) {
            struct px_pth *file = NULL;
            struct px_error err = {0};
            uint8_t *cut = malloc(n + 1);
            assert_non_null(cut);
            memcpy(cut + 1, data, n);
            if (px_pth_parse(&file, cut + 1, n, &err) != -PX_E_FORMAT)
                fail_msg("%s is accepted with %zu of %zu bytes", names[i], n, size);
            free(cut);
        }
        free(data);
    }
}

/* Every byte set to some other values: refused or understood, never worse. */
static void test_damage(void **state)
{
    static const char *const names[] = {"tiny_zip.pth", "tiny_legacy.pth"};
    static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x20};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        size_t size;
        uint8_t *data = bytes_of(names[i], &size);
        size_t refused = 0;
        for (size_t at = 0; at < size * sizeof flips; at++) {
            struct px_pth *file = NULL;
            struct px_error err = {0};
            data[at / sizeof flips] ^= flips[at % sizeof flips];
            int rc = px_pth_parse(&file, data, size, &err);
            if (rc)
                assert_int_equal(rc, -PX_E_FORMAT);
            refused += rc != 0;
            px_pth_close(file);
            data[at / sizeof flips] ^= flips[at % sizeof flips];
        }
        assert_true(refused > size);
        free(data);
    }
}

/* In the zip format a checksum guards every storage and the pickle. */
static void test_checksums(void **state)
{
    size_t size;
    uint8_t *data = bytes_of("zip_2.6.pth", &size);
    struct px_pth *file = NULL;
    struct px_error err = {0};
    (void)state;

    data[size / 2] ^= 1;
    assert_int_equal(px_pth_parse(&file, data, size, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "its checksum is wrong"));
    free(data);
}

static void test_other_formats(void **state)
{
    uint8_t tar[512] = "storages";
    static const uint8_t pickle[] = {0x80, 2, 'N', '.'};
    struct px_pth *file = NULL;
    struct px_error err = {0};
    (void)state;

    memcpy(tar + 257, "ustar", 5);
    assert_true(px_pth_sniff(tar, sizeof tar));
    assert_int_equal(px_pth_parse(&file, tar, sizeof tar, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "a tar archive"));
    assert_int_equal(px_pth_parse(&file, pickle, sizeof pickle, &err), -PX_E_FORMAT);
    assert_string_equal(err.message, "a pickle, but not one of torch.save(); save the state_dict "
                                     "with torch.save(net.state_dict(), ...)");
    assert_false(px_pth_sniff((const uint8_t *)"", 0));
    assert_false(px_pth_sniff((const uint8_t *)"\x80\2\0\0\0\0\0\0{}", 10)); /* safetensors */
    assert_int_equal(px_pth_parse(&file, (const uint8_t *)"", 0, &err), -PX_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("imports what PyTorch 0.3 to 2.6 wrote, of every kind", test_good_files),
        CHECK("ignores InstanceNorm's stale statistics", test_stale_statistics),
        CHECK("imports safetensors files as well", test_safetensors_too),
        CHECK("leaves .pth files to the tools", test_daemon),
        CHECK("says what other files are and what to do", test_strangers),
        CHECK("reads types, strides, views and Parameters", test_tiny),
        CHECK("refuses files cut anywhere", test_truncation),
        CHECK("survives damage to every byte", test_damage),
        CHECK("notices damaged data by its checksum", test_checksums),
        CHECK("names a tar archive and a bare pickle", test_other_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
