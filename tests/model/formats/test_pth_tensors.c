#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "model/formats/pth.h"

/* Files of the legacy format, of parts that a test can choose. Pickles are C strings with octal
 * escapes, which end after three digits. */

struct text {
    const char *bytes;
    size_t size;
};
#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})

#define ONE "K\001"
#define TWO "K\002"
#define SIX "K\006"
#define HUGE "\x8a\010\377\377\377\377\377\377\377\177" /* 2^63 - 1 */
#define MINUS_ONE "J\377\377\377\377"
#define FLOATS "ctorch\nFloatStorage\n"
#define STORAGE_OF(type, key, numel, view)                                                         \
    "(U\007storage" type "U\001" key "U\003cpu" numel view "tQ"
#define STORAGE(numel) STORAGE_OF(FLOATS, "0", numel, "N")
#define REBUILD(arguments) "ctorch._utils\n_rebuild_tensor\n(" arguments "tR"
#define REBUILD_V2(arguments) "ctorch._utils\n_rebuild_tensor_v2\n(" arguments "tR"
#define PARAMETER(arguments) "ctorch._utils\n_rebuild_parameter\n(" arguments "tR"
#define TENSOR(size, stride) REBUILD(STORAGE(SIX) "K\000" size stride)
#define GOOD TENSOR(TWO "K\003\x86", "K\003" ONE "\x86")
#define NAMED(name, value) "}(U\001" name value "u."

/* A file with the storages '0' of six and, where two is set, '1' of six floats. */
struct file {
    struct text system, object, keys;
    size_t storages;
    uint64_t count; /* of each storage */
    size_t rest;    /* bytes behind */
};

static const struct file usual = {
    .system = {"}U\015little_endian\x88s.", 19},
    .keys = {"]U\0010a.", 6},
    .storages = 1,
    .count = 6,
};

static size_t join(uint8_t *to, size_t at, struct text text)
{
    memcpy(to + at, text.bytes, text.size);
    return at + text.size;
}

static int parse(const struct file *file, struct px_pth **out, uint8_t **data, struct px_error *err)
{
    static const char head[] = "\x80\002\x8a\nl\374\234F\371 j\250P\031.\x80\002M\351\003.";
    size_t size = sizeof head - 1 + file->system.size + file->object.size + file->keys.size +
                  32 * file->storages + file->rest;
    size_t at = 0;

    *data = calloc(size, 1);
    assert_non_null(*data);
    at = join(*data, at, TEXT(head));
    at = join(*data, at, file->system);
    at = join(*data, at, file->object);
    at = join(*data, at, file->keys);
    for (size_t i = 0; i < file->storages; i++) {
        memcpy(*data + at, &file->count, 8);
        for (size_t k = 0; k < 6; k++) {
            float value = (float)(10 * i + k);
            memcpy(*data + at + 8 + 4 * k, &value, 4);
        }
        at += 32;
    }
    return px_pth_parse(out, *data, size, err);
}

static void refuses_file(const struct file *file, const char *message)
{
    struct px_pth *out = NULL;
    struct px_error err = {0};
    uint8_t *data;

    int rc = parse(file, &out, &data, &err);
    if (rc != -PX_E_FORMAT || !strstr(err.message, message))
        fail_msg("expected '%s', got %d: %s", message, rc, err.message);
    free(data);
}

static void refuses(struct text object, const char *message)
{
    struct file file = usual;

    file.object = object;
    refuses_file(&file, message);
}

/* In a file without storages. */
static void refuses_bare(struct text object, const char *message)
{
    struct file file = usual;

    file.object = object;
    file.keys = TEXT("].");
    file.storages = 0;
    refuses_file(&file, message);
}

static void accepts(struct text object, const char *values)
{
    struct file file = usual;
    struct px_pth *out = NULL;
    struct px_error err = {0};
    uint8_t *data;
    float found[16];

    file.object = object;
    if (parse(&file, &out, &data, &err) != 0)
        fail_msg("%s", err.message);
    const struct px_tensor *tensor = px_tensor_find(px_pth_list(out), "a");
    assert_non_null(tensor);
    assert_int_equal(px_tensor_count(tensor), strlen(values));
    px_tensor_to_f32(tensor, found);
    for (size_t i = 0; values[i]; i++)
        assert_true(found[i] == (float)(values[i] - '0'));
    px_pth_close(out);
    free(data);
}

static void test_layouts(void **state)
{
    (void)state;

    accepts(TEXT(NAMED("a", GOOD)), "012345");
    accepts(TEXT(NAMED("a", TENSOR("K\003" TWO "\x86", ONE "K\003\x86"))), "031425"); /* t() */
    accepts(TEXT(NAMED("a", TENSOR(TWO "\x85", "K\005\x85"))), "05");
    accepts(TEXT(NAMED("a", TENSOR(TWO "\x85", "K\000\x85"))), "00");
    accepts(TEXT(NAMED("a", TENSOR(ONE ONE "K\003\x87", HUGE HUGE ONE "\x87"))), "012");
    accepts(TEXT(NAMED("a", TENSOR(")", ")"))), "0");
    accepts(TEXT(NAMED("a", TENSOR("K\000\x85", HUGE "\x85"))), "");
    accepts(TEXT(NAMED("a", REBUILD(STORAGE(SIX) "K\004" TWO "\x85" ONE "\x85"))), "45");
    accepts(TEXT(NAMED("a", REBUILD(STORAGE_OF(FLOATS, "0", SIX,
                                               "(U\0019" TWO "K\003t") "K\000"
                                                                       "K\003\x85" ONE "\x85"))),
            "234");
    accepts(TEXT(NAMED("a", PARAMETER(GOOD "\x88}"))), "012345");
    accepts(TEXT(NAMED("a", REBUILD_V2(STORAGE(SIX) "K\000" TWO "\x85" ONE "\x85\x89}"))), "01");
    accepts(TEXT(NAMED("a", REBUILD_V2(STORAGE(SIX) "K\000" TWO "\x85" ONE "\x85\x89}}"))), "01");
}

static void test_strides(void **state)
{
    (void)state;

    refuses(TEXT(NAMED("a", TENSOR("K\007\x85", ONE "\x85"))), "beyond the 6 elements");
    refuses(TEXT(NAMED("a", TENSOR(TWO "K\003\x86", "K\004" ONE "\x86"))), "beyond the 6 elements");
    refuses(TEXT(NAMED("a", TENSOR(TWO "\x85", HUGE "\x85"))), "beyond the 6 elements");
    refuses(TEXT(NAMED("a", TENSOR("K\003\x85", HUGE "\x85"))), "beyond the 6 elements");
    refuses(TEXT(NAMED("a", TENSOR("K\003" TWO "\x86", HUGE HUGE "\x86"))),
            "beyond the 6 elements");
    refuses(TEXT(NAMED("a", TENSOR(TWO "\x85", MINUS_ONE "\x85"))), "dimension 0 of its shape");
    refuses(TEXT(NAMED("a", TENSOR(MINUS_ONE "\x85", ONE "\x85"))), "dimension 0 of its shape");
    refuses(TEXT(NAMED("a", TENSOR("N\x85", ONE "\x85"))), "dimension 0 of its shape");
    refuses(TEXT(NAMED("a", TENSOR("K\003K\003\x86", "K\000" ONE "\x86"))), "repeats elements");
    refuses(TEXT(NAMED("a", TENSOR(HUGE "\x85", "K\000\x85"))), "too many elements");
    refuses(TEXT(NAMED("a", TENSOR(HUGE "K\003\x86", "K\000K\000\x86"))),
            "dimension 1 of its shape");
}

static void test_shapes(void **state)
{
    (void)state;

    refuses(TEXT(NAMED("a", TENSOR(TWO "\x85", ")"))), "has no proper shape");
    refuses(TEXT(NAMED("a", TENSOR("]", "]"))), "has no proper shape");
    refuses(TEXT(NAMED("a", TENSOR("(" ONE ONE ONE ONE ONE ONE ONE ONE ONE "t",
                                   "(" ONE ONE ONE ONE ONE ONE ONE ONE ONE "t"))),
            "has 9 dimensions, at most 8 can be");
    refuses(TEXT(NAMED("a", REBUILD(STORAGE(SIX) "K\007" ONE "\x85" ONE "\x85"))),
            "begins outside of its storage");
    refuses(TEXT(NAMED("a", REBUILD(STORAGE(SIX) SIX ONE "\x85" ONE "\x85"))),
            "beyond the 6 elements");
    refuses(TEXT(NAMED("a", REBUILD(STORAGE(SIX) MINUS_ONE ONE "\x85" ONE "\x85"))),
            "begins outside of its storage");
    refuses(TEXT(NAMED("a", REBUILD(STORAGE(SIX) HUGE ONE "\x85" ONE "\x85"))),
            "begins outside of its storage");
    refuses(TEXT(NAMED("a", REBUILD(STORAGE(SIX) "N" ONE "\x85" ONE "\x85"))),
            "begins outside of its storage");
    refuses(TEXT(NAMED("a", REBUILD(STORAGE(SIX) "K\000" ONE "\x85"))),
            "not made of a storage and a shape");
    refuses_bare(TEXT(NAMED("a", REBUILD("NK\000" ONE "\x85" ONE "\x85"))),
                 "not made of a storage and a shape");
    refuses(
        TEXT(NAMED("a", REBUILD_V2(STORAGE(SIX) "K\000" ONE "\x85" ONE "\x85\x89}}U\003neg\x88s"))),
        "not made of a storage and a shape");
}

static void test_storages(void **state)
{
    (void)state;

#define WITH(storage) NAMED("a", REBUILD(storage "K\000" ONE "\x85" ONE "\x85"))
    refuses(TEXT(WITH(STORAGE(HUGE))), "an impossible number of elements");
    refuses(TEXT(WITH(STORAGE(MINUS_ONE))), "an impossible number of elements");
    refuses(TEXT(WITH(STORAGE("N"))), "an impossible number of elements");
    refuses(TEXT(WITH(STORAGE("K\007"))), "storage '0' of 28 bytes is cut short: 24 are left");
    refuses(TEXT(WITH(STORAGE("K\005"))), "storage '0' has 6 elements, its tensors need 5");
    refuses(TEXT(WITH("(U\007strangectorch\nFloatStorage\nU\0010U\003cpu" SIX "tQ")),
            "refers to something that is not a storage");
    refuses(TEXT(WITH("(U\007storagetQ")), "refers to something that is not a storage");
    refuses(TEXT(WITH("(NNNNNtQ")), "refers to something that is not a storage");
    refuses(TEXT(WITH(")Q")), "refers to something that is not a storage");
    refuses(TEXT(WITH(STORAGE_OF("N", "0", SIX, "N"))), "a storage's type is None");
    refuses(TEXT(WITH(STORAGE_OF("ctorch\nSize\n", "0", SIX, "N"))), "a storage's type is a class");
    refuses(TEXT(WITH(STORAGE_OF(FLOATS, "/", SIX, "N"))), "key is not a short word");
    refuses(TEXT(WITH("(U\007storage" FLOATS "U\000U\003cpu" SIX "tQ")), "key is not a short word");
    refuses(TEXT(WITH("(U\007storage" FLOATS "K\000U\003cpu" SIX "tQ")), "key is not a short word");
    refuses(TEXT(WITH(STORAGE_OF(FLOATS, "0", SIX, ")"))), "its view is a tuple");
    refuses(TEXT(WITH(STORAGE_OF(FLOATS, "0", SIX, "(U\0019K\004K\003t"))), "does not lie within");
    refuses(TEXT(WITH(STORAGE_OF(FLOATS, "0", SIX, "(U\0019" HUGE HUGE "t"))),
            "does not lie within");
    refuses(TEXT(WITH(STORAGE_OF(FLOATS, "0", SIX, "(U\0019" MINUS_ONE ONE "t"))),
            "does not lie within");
    refuses(TEXT("}(U\001a" GOOD "U\001b" REBUILD(STORAGE_OF(
                "ctorch\nLongStorage\n", "0", "K\003", "N") "K\000" ONE "\x85" ONE "\x85") "u."),
            "storage '0' is described twice");
}

static void test_names(void **state)
{
    (void)state;

    refuses(TEXT("}(U\001a" GOOD "U\001a" GOOD "u."), "tensor 'a' appears twice");
    refuses(TEXT(NAMED("\n", GOOD)), "not printable UTF-8");
    refuses(TEXT(NAMED("\344", GOOD)), "not printable UTF-8");
    refuses(TEXT(GOOD "."), "the file holds a single tensor, not a state_dict");
}

static void test_file(void **state)
{
    struct file file = usual;
    (void)state;

    file.object = TEXT(NAMED("a", GOOD));
    file.rest = 5;
    refuses_file(&file, "5 bytes follow the last storage");
    file.rest = 0;
    file.storages = 0;
    refuses_file(&file, "storage '0' of 24 bytes is cut short: 0 are left");
    file = usual;
    file.object = TEXT(NAMED("a", GOOD));
    file.count = UINT64_MAX;
    refuses_file(&file, "storage '0' has 18446744073709551615 elements, its tensors need 6");
    file.count = 6;
    file.keys = TEXT("].");
    refuses_file(&file, "storage '0' is used, but not in the file");
    file.keys = TEXT("]U\0011a.");
    refuses_file(&file, "the file lists a storage that no tensor uses");
    file.keys = TEXT("](U\0010U\0011e.");
    refuses_file(&file, "the file lists a storage that no tensor uses");
    file.keys = TEXT("](U\0010U\0010e.");
    refuses_file(&file, "storage '0' is listed twice");
    file.keys = TEXT("]Na.");
    refuses_file(&file, "the file lists a storage that no tensor uses");
    file.keys = TEXT("}.");
    refuses_file(&file, "the keys of the storages are a dict, not a list");
    file = usual;
    file.object = TEXT(NAMED("a", GOOD));
    file.system = TEXT("}U\015little_endian\x89s.");
    refuses_file(&file, "saved on a big-endian machine");
    file.system = TEXT("N.");
    refuses_file(&file, "saved on a big-endian machine");
    file.system = TEXT("cos\nsystem\n.");
    refuses_file(&file, "saved on a big-endian machine");
}

/* A small file may not make many copies of one storage. */
static void test_copies(void **state)
{
    static const char head[] = "}q\001U\001a" TENSOR("K\003" TWO "\x86", ONE "K\003\x86") "q\002s";
    static uint8_t text[1 << 16];
    size_t size = sizeof head - 1;
    (void)state;

    memcpy(text, head, size);
    for (int i = 0; i < 4000; i++) { /* 'A01' ... : the same transposed tensor */
        const uint8_t entry[] = {'U', 3, 'A', (uint8_t)(' ' + i / 64), (uint8_t)('0' + i % 64),
                                 'h', 2, 's'};
        memcpy(text + size, entry, sizeof entry);
        size += sizeof entry;
    }
    text[size++] = '.';
    refuses((struct text){(const char *)text, size}, "the tensors are larger than the file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("puts any strides into C order", test_layouts),
        CHECK("refuses strides and sizes that leave the storage", test_strides),
        CHECK("refuses shapes and calls that are none", test_shapes),
        CHECK("refuses storages that lie", test_storages),
        CHECK("refuses names that are double or not printable", test_names),
        CHECK("refuses storages unlisted, unused, listed twice, and bytes left", test_file),
        CHECK("limits what copies may take", test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
