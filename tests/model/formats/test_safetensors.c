#include "tests/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/formats/safetensors.h"

static char folder[64];

static const char *data_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/model/data/%s", getenv("PX_TESTS"), name);
    return path;
}

static const char *scratch_path(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void read_file(const char *path, uint8_t **data, size_t *size)
{
    struct px_error err = {0};

    assert_int_equal(px_file_read(path, 1 << 20, data, size, &err), 0);
}

/* Builds length, `json` and `data` zero bytes in a block of exactly that size, so that the address
 * sanitizer sees a read past the end, and parses it. */
static int parse(const char *json, size_t data, struct px_error *err)
{
    size_t length = strlen(json);
    size_t size = 8 + length + data;
    uint8_t *raw = calloc(size, 1);
    struct px_safetensors *file = NULL;

    assert_non_null(raw);
    for (int i = 0; i < 8; i++)
        raw[i] = (uint8_t)(length >> 8 * i);
    memcpy(raw + 8, json, length);
    int rc = px_safetensors_parse(&file, raw, size, err);
    px_safetensors_close(file);
    free(raw);
    return rc;
}

static void test_good_headers(void **state)
{
    static const struct {
        const char *json;
        size_t data;
    } cases[] = {
        {"{}", 0},
        {"{}     ", 0},
        {"{\"__metadata__\":{}}", 0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0},
        {"{\"b\":{\"shape\":[1],\"data_offsets\":[4,8],\"dtype\":\"F32\"},"
         "\"z\":{\"dtype\":\"F64\",\"shape\":[0,5],\"data_offsets\":[4,4]},"
         "\"a\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}",
         8},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[1,1,1,1,1,1,1,2],\"data_offsets\":[0,4]}}", 4},
    };
    struct px_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (parse(cases[i].json, cases[i].data, &err) != 0)
            fail_msg("case %zu: %s", i, err.message);
}

#define TENSOR(name, shape, offsets)                                                               \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define ONE(shape, offsets) "{" TENSOR("a", shape, offsets) "}"

static void test_bad_headers(void **state)
{
    static const struct {
        const char *json;
        size_t data;
        const char *message; /* a part of it */
    } cases[] = {
        {"", 0, "does not begin with '{'"},
        {" {}", 0, "does not begin with '{'"},
        {"[]", 0, "does not begin with '{'"},
        {"{", 0, "not valid JSON"},
        {"{}x", 0, "not valid JSON"},
        {"{\"a\":NaN}", 0, "not valid JSON"},
        {"{\"a\":\"\xff\"}", 0, "not valid JSON"},
        {"{\"a\\u0000b\":{}}", 0, "not valid JSON"},
        {"{" TENSOR("a", "[]", "[0,4]") "," TENSOR("a", "[]", "[4,8]") "}", 8, "duplicate"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\"}}", 4, "duplicate"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"ngf\":64}}", 0, "'ngf' is not a string"},
        {"{\"a\":1}", 0, "'a' has no dtype"},
        {"{\"a\":{}}", 0, "'a' has no dtype"},
        {"{\"a\":{\"dtype\":1}}", 0, "'a' has no dtype"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\"}}", 0, "dtype 'F8_E4M3' is not one of"},
        {"{\"a\":{\"dtype\":\"f32\"}}", 0, "dtype 'f32' is not one of"},
        {"{\"a\":{\"dtype\":\"F32\"}}", 0, "'a' has no shape"},
        {ONE("4", "[0,4]"), 4, "has no shape"},
        {ONE("[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "has 9 dimensions"},
        {ONE("[-1]", "[0,4]"), 4, "dimension 0 "},
        {ONE("[1,1.0]", "[0,4]"), 4, "dimension 1 "},
        {ONE("[\"1\"]", "[0,4]"), 4, "dimension 0 "},
        {ONE("[99999999999999999999]", "[0,4]"), 4, "not valid JSON: too big"},
        {ONE("[9223372036854775807,2]", "[0,4]"), 4, "too many elements"},
        {ONE("[4294967296,4294967296]", "[0,0]"), 0, "too many elements"},
        {ONE("[4611686018427387904]", "[0,0]"), 0, "too many elements"},
        {ONE("[9223372036854775807,9223372036854775807,0]", "[0,0]"), 0, "too many elements"},
        {ONE("[1]", "4"), 4, "data_offsets are not two"},
        {ONE("[1]", "[4]"), 4, "data_offsets are not two"},
        {ONE("[1]", "[0,4,8]"), 4, "data_offsets are not two"},
        {ONE("[1]", "[-4,0]"), 4, "data_offsets are not two"},
        {ONE("[1]", "[0.0,4]"), 4, "data_offsets are not two"},
        {ONE("[1]", "[4,0]"), 4, "[4,0] do not hold the 4 bytes"},
        {ONE("[2]", "[0,4]"), 4, "[0,4] do not hold the 8 bytes"},
        {ONE("[1]", "[0,4]"), 3, "ends at byte 4 of 3"},
        {ONE("[1]", "[9223372036854775800,9223372036854775804]"), 4, "ends at byte"},
        {ONE("[1]", "[0,4]"), 5, "1 bytes follow the last tensor"},
        {"{}", 1, "1 bytes follow the last tensor"},
        {ONE("[1]", "[4,8]"), 8, "bytes 0 to 4 before tensor 'a' are unused"},
        {"{" TENSOR("a", "[1]", "[0,4]") "," TENSOR("b", "[1]", "[8,12]") "}", 12,
         "bytes 4 to 8 before tensor 'b'"},
        {"{" TENSOR("a", "[2]", "[0,8]") "," TENSOR("b", "[2]", "[4,12]") "}", 12,
         "tensors 'a' and 'b' overlap at byte 4"},
        {"{" TENSOR("a", "[2]", "[0,8]") "," TENSOR("b", "[2]", "[0,8]") "}", 8, "overlap"},
        {"{" TENSOR("a", "[2]", "[0,8]") "," TENSOR("b", "[0]", "[4,4]") "}", 8, "overlap"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_error err = {0};
        if (parse(cases[i].json, cases[i].data, &err) != -PX_E_FORMAT ||
            !strstr(err.message, cases[i].message))
            fail_msg("case %zu (%s): %s", i, cases[i].json, err.message);
    }
}

static void test_deep_nesting(void **state)
{
    enum { DEPTH = 1000000 };
    char *json = malloc(DEPTH + 6);
    struct px_error err = {0};
    (void)state;

    assert_non_null(json);
    memcpy(json, "{\"a\":", 5);
    memset(json + 5, '[', DEPTH);
    json[DEPTH + 5] = 0;
    assert_int_equal(parse(json, 0, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "depth"));
    free(json);
}

static void test_lengths(void **state)
{
    static const struct {
        uint64_t length;
        const char *message;
    } cases[] = {
        {(1 << 20) + 1, "length 1048577 is over 1048576"},
        {UINT64_MAX, "length 18446744073709551615 is over"},
        {1 << 20, "cut short: 3 bytes follow"},
        {4, "cut short: 3 bytes follow"},
        {0, "does not begin with '{'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t raw[11] = "........{} ";
        struct px_safetensors *file;
        struct px_error err = {0};
        memcpy(raw, &cases[i].length, 8);
        assert_int_equal(px_safetensors_parse(&file, raw, sizeof raw, &err), -PX_E_FORMAT);
        if (!strstr(err.message, cases[i].message))
            fail_msg("case %zu: %s", i, err.message);
    }
}

static void test_truncation(void **state)
{
    uint8_t *data;
    size_t size;
    (void)state;

    read_file(data_path("small.safetensors"), &data, &size);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut + !cut);
        struct px_safetensors *file;
        struct px_error err = {0};
        assert_non_null(part);
        memcpy(part, data, cut);
        assert_int_equal(px_safetensors_parse(&file, part, cut, &err), -PX_E_FORMAT);
        assert_true(err.message[0]);
        free(part);
    }
    free(data);
}

static void check_values(const struct px_safetensors *file, const char *name, enum px_dtype dtype,
                         const float *values, size_t count)
{
    const struct px_tensor *tensor = px_tensor_find(px_safetensors_list(file), name);
    float got[8];

    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, dtype);
    assert_int_equal(px_tensor_count(tensor), count);
    px_tensor_to_f32(tensor, got);
    assert_memory_equal(got, values, count * sizeof *got);
}

static void test_golden(void **state)
{
    struct px_safetensors *file;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_safetensors_open(&file, data_path("small.safetensors"), &err), 0);
    assert_int_equal(px_safetensors_list(file)->count, 8);
    check_values(file, "weight", PX_F32, (float[]){0, 1.5f, -2.25f, 3, 1e-40f, 65504}, 6);
    check_values(file, "a.bf16", PX_BF16, (float[]){1, -.5f}, 2);
    check_values(file, "a.f16", PX_F16, (float[]){1, -2, 0x1p-24f}, 3);
    check_values(file, "a.f64", PX_F64, (float[]){.1f}, 1);
    check_values(file, "a.i8", PX_S8, (float[]){127, -127, 1}, 3);
    check_values(file, "odd \"name\" \xc3\xa9\\", PX_F32, (float[]){7}, 1);
    const struct px_tensor *steps = px_tensor_find(px_safetensors_list(file), "steps");
    assert_true(steps && steps->ndim == 0 && steps->bytes == 8);
    assert_true(*(const int64_t *)steps->data == 12345678901);
    const struct px_tensor *empty = px_tensor_find(px_safetensors_list(file), "empty");
    assert_true(empty && empty->ndim == 2 && empty->shape[1] == 4 && empty->bytes == 0);
    assert_null(px_tensor_find(px_safetensors_list(file), "weigh"));
    for (size_t i = 1; i < 8; i++)
        assert_true(strcmp(px_safetensors_list(file)->tensors[i - 1].name,
                           px_safetensors_list(file)->tensors[i].name) < 0);
    assert_int_equal(px_safetensors_list(file)->metadata_count, 3);
    assert_string_equal(px_metadata_find(px_safetensors_list(file), "note"),
                        "line one\nline \"two\"");
    assert_null(px_metadata_find(px_safetensors_list(file), "not"));
    px_safetensors_close(file);
}

static void test_unaligned(void **state)
{
    struct px_safetensors *file;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_safetensors_open(&file, data_path("foreign.safetensors"), &err), 0);
    assert_true((uintptr_t)px_tensor_find(px_safetensors_list(file), "weight")->data % 2 == 1);
    check_values(file, "weight", PX_F32, (float[]){0, 1.5f, -2.25f, 3, 1e-40f, 65504}, 6);
    check_values(file, "a.f16", PX_F16, (float[]){1, -2, 0x1p-24f}, 3);
    check_values(file, "a.f64", PX_F64, (float[]){.1f}, 1);
    px_safetensors_close(file);
}

/* Saves everything of `file`, tensors and metadata given in reverse order. */
static int save_reversed(const struct px_safetensors *file, const char *path, struct px_error *err)
{
    struct px_tensor tensors[8];
    struct px_metadata metadata[4];
    size_t n = px_safetensors_list(file)->count;
    size_t m = px_safetensors_list(file)->metadata_count;

    assert_true(n <= 8 && m <= 4);
    for (size_t i = 0; i < n; i++)
        tensors[i] = px_safetensors_list(file)->tensors[n - 1 - i];
    for (size_t i = 0; i < m; i++)
        metadata[i] = px_safetensors_list(file)->metadata[m - 1 - i];
    return px_safetensors_save(path, tensors, n, metadata, m, err);
}

static void test_same_bytes(void **state)
{
    struct px_safetensors *file;
    struct px_error err = {0};
    uint8_t *written, *golden;
    size_t written_size, golden_size;
    (void)state;

    assert_int_equal(px_safetensors_open(&file, data_path("small.safetensors"), &err), 0);
    assert_int_equal(save_reversed(file, scratch_path("same"), &err), 0);
    px_safetensors_close(file);
    read_file(scratch_path("same"), &written, &written_size);
    read_file(data_path("small.safetensors"), &golden, &golden_size);
    assert_int_equal(written_size, golden_size);
    assert_memory_equal(written, golden, golden_size);
    free(written);
    free(golden);
}

static void test_empty_save(void **state)
{
    struct px_safetensors *file;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_safetensors_save(scratch_path("none"), NULL, 0, NULL, 0, &err), 0);
    assert_int_equal(px_safetensors_open(&file, scratch_path("none"), &err), 0);
    assert_int_equal(px_safetensors_list(file)->count, 0);
    assert_null(px_tensor_find(px_safetensors_list(file), "a"));
    px_safetensors_close(file);
}

static void save_refused(struct px_tensor a, struct px_tensor b, const char *key,
                         const char *message)
{
    struct px_tensor tensors[] = {a, b};
    struct px_metadata metadata[] = {{"k", "v"}, {key, "v"}};
    struct px_error err = {0};

    assert_int_equal(px_safetensors_save(scratch_path("no"), tensors, 2, metadata, 2, &err),
                     -PX_E_INVALID);
    assert_ptr_equal(strstr(err.message, scratch_path("no")), err.message);
    if (!strstr(err.message, message))
        fail_msg("%s, not: %s", err.message, message);
    assert_int_equal(access(scratch_path("no"), F_OK), -1);
}

static void test_bad_saves(void **state)
{
    static const float value = 1;
    const struct px_tensor good = {.name = "a", .dtype = PX_F32, .data = &value, .bytes = 4};
    struct px_tensor b = good;
    (void)state;

    save_refused(good, good, "l", "'a' is given twice");
    b.name = "__metadata__", save_refused(good, b, "l", "cannot be named __metadata__");
    b.name = "\xff", save_refused(good, b, "l", "not valid UTF-8");
    b.name = "b", save_refused(good, b, "k", "'k' is given twice");
    b.dtype = PX_DTYPE_AUTO, save_refused(good, b, "l", "no storable type");
    b.dtype = PX_F16, save_refused(good, b, "l", "has 4 bytes, its shape needs 2");
    b.dtype = PX_F32, b.ndim = 9, save_refused(good, b, "l", "has 9 dimensions");
    b.ndim = 1, b.shape[0] = -1, save_refused(good, b, "l", "dimension 0 is -1");
}

static void test_missing_files(void **state)
{
    struct px_safetensors *file = NULL;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_safetensors_open(&file, scratch_path("gone"), &err), -PX_E_NOT_FOUND);
    assert_ptr_equal(strstr(err.message, scratch_path("gone")), err.message);
    assert_int_equal(px_safetensors_open(&file, folder, &err), -PX_E_IO);
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    assert_int_equal(px_safetensors_open(&file, scratch_path("fifo"), &err), -PX_E_IO);
    assert_int_equal(px_file_save(scratch_path("empty"), "", 0, &err), 0);
    assert_int_equal(px_safetensors_open(&file, scratch_path("empty"), &err), -PX_E_FORMAT);
    assert_ptr_equal(strstr(err.message, scratch_path("empty")), err.message);
    px_safetensors_close(NULL);
}

/* A limit on file size fails write() as a full disk does: with an errno in the middle of the data.
 */
static void test_full_disk(void **state)
{
    static const char big[1 << 16];
    const struct px_tensor tensor = {.name = "big",
                                     .dtype = PX_F32,
                                     .ndim = 1,
                                     .shape = {1 << 14},
                                     .data = big,
                                     .bytes = 1 << 16};
    struct rlimit limit, old;
    struct px_error err = {0};
    uint8_t *data;
    size_t size;
    (void)state;

    assert_int_equal(px_file_save(scratch_path("kept"), "old", 3, &err), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 1 << 15;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int rc = px_safetensors_save(scratch_path("kept"), &tensor, 1, NULL, 0, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, -PX_E_IO);
    assert_ptr_equal(strstr(err.message, scratch_path("kept")), err.message);
    read_file(scratch_path("kept"), &data, &size);
    assert_int_equal(size, 3);
    assert_memory_equal(data, "old", 3);
    free(data);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/px-safetensors-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"same", "none", "fifo", "empty", "kept"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(scratch_path(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("accepts what the format allows", test_good_headers),
        CHECK("refuses bad headers, saying what is wrong", test_bad_headers),
        CHECK("refuses JSON nested a million deep", test_deep_nesting),
        CHECK("refuses header lengths that the file cannot hold", test_lengths),
        CHECK("refuses a file cut after any of its bytes", test_truncation),
        CHECK("reads the golden file with every type", test_golden),
        CHECK("reads tensors that are not aligned", test_unaligned),
        CHECK("writes the golden file byte for byte, whatever the order given", test_same_bytes),
        CHECK("writes and reads a file without tensors", test_empty_save),
        CHECK("refuses to write what could not be read", test_bad_saves),
        CHECK("names the file that is missing, special or empty", test_missing_files),
        CHECK("leaves the old file as it was when writing fails half way", test_full_disk),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
