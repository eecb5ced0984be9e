#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/formats/pth.h"
#include "tests/model/formats/pth_files.h"

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
            px_checkpoint_import(&b, scratch("a.pth"), NULL, &err) != 0)
            fail_msg("%s", err.message);
        assert_equal(px_checkpoint_list(a), px_checkpoint_list(b));
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
    assert_int_equal(px_checkpoint_import(&b, scratch("a.pth"), NULL, &err), 0);
    assert_int_equal(px_checkpoint_dtype(b), PX_BF16);
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
        CHECK("writes what it reads", test_writing),
        CHECK("writes checkpoints that keep every bit", test_round_trip),
        CHECK("writes weights as another type", test_conversion),
        CHECK("writes equal bytes for equal tensors", test_equal_bytes),
        CHECK("names the file on a full disk", test_full_disk),
        CHECK("refuses to write more than 4 GiB", test_too_large),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
