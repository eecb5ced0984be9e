#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/checkpoint.h"

/* The files of tests/golden/pth, which make_pth.py wrote with PyTorch. */

static const char *golden_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/golden/pth/%s", getenv("PX_TESTS"), name);
    return path;
}

static struct px_checkpoint *import(const char *name)
{
    struct px_checkpoint *checkpoint = NULL;
    struct px_error err = {0};

    if (px_checkpoint_import(&checkpoint, golden_path(name), &err) != 0)
        fail_msg("%s", err.message);
    return checkpoint;
}

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

/* What make_pth.py filled tensor k of a state_dict with. */
static float expected(size_t k, size_t i)
{
    return (float)((int)((31 * k + i) % 251) - 125) / 256;
}

/* Compares what is there with what make_pth.py wrote, by PyTorch's order of a state_dict. */
static size_t check_values(const struct px_checkpoint *checkpoint)
{
    struct px_tensor_spec specs[128];
    size_t count = px_network_tensors(&checkpoint->network, specs, 128);
    size_t found = 0;

    for (size_t k = 0; k < count; k++) {
        float values[4096];
        const struct px_tensor *tensor =
            px_checkpoint_tensor(checkpoint, specs[k].layer, specs[k].role);
        if (!tensor)
            continue;
        found++;
        assert_true(px_tensor_count(tensor) <= 4096);
        px_tensor_to_f32(tensor, values);
        for (size_t i = 0; i < px_tensor_count(tensor); i++) {
            float want = specs[k].role == PX_ROLE_BATCHES ? (float)k : expected(k, i);
            if (values[i] != want)
                fail_msg("%s[%zu] is %g, not %g", specs[k].name, i, (double)values[i],
                         (double)want);
        }
    }
    return found;
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
        assert_string_equal(c->network.architecture, "unet_32");
        assert_int_equal(c->network.ngf, 1);
        assert_int_equal(c->network.input_nc, 3);
        assert_int_equal(c->network.output_nc, 2);
        assert_int_equal(c->network.norm, cases[i].norm);
        assert_int_equal(c->dtype, cases[i].dtype);
        assert_int_equal(c->has_running, cases[i].has_running);
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

    assert_int_equal(c->network.norm, PX_NORM_INSTANCE);
    assert_non_null(px_tensor_find(c->list, "model.model.1.model.2.running_mean"));
    for (int layer = 0; layer < c->network.layer_count; layer++)
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
    assert_int_equal(px_checkpoint_import(&c, path, &err), 0);
    assert_non_null(c->file);
    assert_null(c->pth);
    px_checkpoint_close(c);
    assert_int_equal(px_checkpoint_import(&c, golden_path("no.pth"), &err), -PX_E_NOT_FOUND);
}

static void test_daemon(void **state)
{
    struct px_checkpoint *c = NULL;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_checkpoint_open(&c, golden_path("zip_1.13.pth"), &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "not a safetensors file"));
}

static void test_strangers(void **state)
{
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"discriminator.pth", "this is a discriminator, which tells real pictures from fakes"},
        {"whole_module.pth", "save the state_dict"},
        {"whole_module_legacy.pth", "'torch.nn.modules.linear.Linear'"},
        {"nested.pth", "entry 'epoch' is a number, not a tensor"},
        {"tensor.pth", "the file holds an object, not a state_dict"},
        {"i32.pth", "a tensor is stored as 'torch.IntStorage'"},
        {"expanded.pth", "tensor 'a' repeats elements of its storage"},
        {"protocol4.pth", "pickle protocol 4"},
        {"torchscript.pth", "a TorchScript archive"},
        {"tiny_zip.pth", "not a generator that is known: tensor 'model.model.0.weight' is missing"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_checkpoint *c = NULL;
        struct px_error err = {0};
        const char *path = golden_path(cases[i].name);
        int rc = px_checkpoint_import(&c, path, &err);
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
        check_tensor(file, "whole", "4,3,", whole);
        check_tensor(file, "transposed", "3,4,", transposed);
        check_tensor(file, "part", "2,2,", part);
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
    assert_string_equal(err.message, "a pickle, but not one of torch.save()");
    assert_false(px_pth_sniff((const uint8_t *)"", 0));
    assert_false(px_pth_sniff((const uint8_t *)"\x80\2\0\0\0\0\0\0{}", 10)); /* safetensors */
    assert_int_equal(px_pth_parse(&file, (const uint8_t *)"", 0, &err), -PX_E_FORMAT);
}

static char folder[64];

static const char *scratch(const char *name)
{
    static char path[2][128];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/pix2pix-pth-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(scratch("a.pth"));
    unlink(scratch("b.pth"));
    return rmdir(folder);
}

/* Names, types, shapes and bytes; in any order. */
static void assert_equal(const struct px_tensor_list *a, const struct px_tensor_list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct px_tensor *x = &a->tensors[i];
        const struct px_tensor *y = &b->tensors[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->dtype, y->dtype);
        assert_int_equal(x->ndim, y->ndim);
        assert_memory_equal(x->shape, y->shape, (size_t)x->ndim * sizeof *x->shape);
        assert_int_equal(x->bytes, y->bytes);
        if (x->bytes)
            assert_memory_equal(x->data, y->data, x->bytes);
    }
}

/* tiny_zip.pth has every type, a scalar and an empty tensor. */
static void test_writing(void **state)
{
    struct px_pth *original = NULL;
    struct px_pth *copy = NULL;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_pth_open(&original, golden_path("tiny_zip.pth"), &err), 0);
    const struct px_tensor_list *list = px_pth_list(original);
    if (px_pth_save(scratch("a.pth"), list->tensors, list->count, &err) != 0 ||
        px_pth_open(&copy, scratch("a.pth"), &err) != 0)
        fail_msg("%s", err.message);
    assert_equal(list, px_pth_list(copy));
    for (size_t i = 0; i < list->count; i++) {
        /* Storages begin at a multiple of 64 bytes, as in PyTorch's own files. */
        const struct px_tensor *tensor = &px_pth_list(copy)->tensors[i];
        assert_true((uintptr_t)tensor->data % 64 == 0);
    }
    px_pth_close(copy);
    px_pth_close(original);
}

static void test_round_trip(void **state)
{
    static const char *const names[] = {"zip_1.13.pth", "python2.pth", "strides.pth", "bf16.pth",
                                        "f16.pth",      "f64.pth",     "none.pth"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct px_checkpoint *a = import(names[i]);
        struct px_checkpoint *b = NULL;
        struct px_error err = {0};
        if (px_checkpoint_save_pth(scratch("a.pth"), a, PX_DTYPE_AUTO, &err) != 0 ||
            px_checkpoint_import(&b, scratch("a.pth"), &err) != 0)
            fail_msg("%s", err.message);
        assert_equal(a->list, b->list);
        assert_true(check_values(b) > 0);
        px_checkpoint_close(a);
        px_checkpoint_close(b);
    }
}

static void test_conversion(void **state)
{
    struct px_checkpoint *a = import("f64.pth");
    struct px_checkpoint *b = NULL;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_checkpoint_save_pth(scratch("a.pth"), a, PX_BF16, &err), 0);
    assert_int_equal(px_checkpoint_import(&b, scratch("a.pth"), &err), 0);
    assert_int_equal(b->dtype, PX_BF16);
    assert_int_equal(px_checkpoint_tensor(b, 1, PX_ROLE_GAMMA)->dtype, PX_F64);
    assert_int_equal(check_values(b), 46);
    px_checkpoint_close(b);
    px_checkpoint_close(a);
}

static void test_equal_bytes(void **state)
{
    struct px_checkpoint *a = import("legacy.pth");
    struct px_error err = {0};
    uint8_t *x, *y;
    size_t n, m;
    (void)state;

    assert_int_equal(px_checkpoint_save_pth(scratch("a.pth"), a, PX_F32, &err), 0);
    assert_int_equal(px_checkpoint_save_pth(scratch("b.pth"), a, PX_F32, &err), 0);
    px_checkpoint_close(a);
    assert_int_equal(px_file_read(scratch("a.pth"), 1 << 20, &x, &n, &err), 0);
    assert_int_equal(px_file_read(scratch("b.pth"), 1 << 20, &y, &m, &err), 0);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static void test_full_disk(void **state)
{
    struct px_checkpoint *a = import("legacy.pth");
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_checkpoint_save_pth("/dev/full", a, PX_F32, &err), -PX_E_IO);
    assert_string_equal(err.message, "/dev/full: cannot write: No space left on device");
    assert_int_equal(px_checkpoint_save_pth("/no/such/a.pth", a, PX_F32, &err), -PX_E_IO);
    px_checkpoint_close(a);
}

static void test_too_large(void **state)
{
    static const uint8_t byte;
    struct px_tensor tensor = {.name = "a", .dtype = PX_F32, .ndim = 1, .data = &byte};
    struct px_error err = {0};
    (void)state;

    tensor.shape[0] = 1 << 30;
    tensor.bytes = (size_t)1 << 32;
    assert_int_equal(px_pth_save(scratch("c.pth"), &tensor, 1, &err), -PX_E_INVALID);
    assert_non_null(strstr(err.message, "would be larger than 4 GiB"));
    assert_int_equal(access(scratch("c.pth"), F_OK), -1);
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
        CHECK("writes what it reads", test_writing),
        CHECK("writes checkpoints that keep every bit", test_round_trip),
        CHECK("writes weights as another type", test_conversion),
        CHECK("writes equal bytes for equal tensors", test_equal_bytes),
        CHECK("names the file on a full disk", test_full_disk),
        CHECK("refuses to write more than 4 GiB", test_too_large),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
