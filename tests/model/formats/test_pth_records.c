#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "model/formats/pth.h"
#include "tests/model/formats/archive.h"

/* {'t': a tensor of two floats in storage 0} */
#define PICKLE                                                                                     \
    "\x80\2}U\1"                                                                                   \
    "tctorch._utils\n_rebuild_tensor\n((U\7storagectorch\nFloatStorage\nU\1"                       \
    "0U\3cpuK\2tQK\0K\2\x85K\1\x85tRs."

static int parse(const struct archive *a, struct px_error *err)
{
    uint8_t *data = exact(a);
    struct px_pth *file = NULL;

    int rc = px_pth_parse(&file, data, a->size, err);
    px_pth_close(file);
    free(data);
    return rc;
}

/* Entries as pairs of name and content, until NULL. Contents are texts; that of data.pkl is PICKLE
 * with what is given behind it, that of data/0 so many bytes. */
static void expect(const char *message, const char *const *entries)
{
    struct archive a = {0};
    struct px_error err = {0};

    for (; *entries; entries += 2) {
        static const char pickle[] = PICKLE;
        char text[512];
        memcpy(text, pickle, sizeof pickle);
        strcpy(text + sizeof pickle - 1, entries[1]);
        if (strstr(entries[0], "data.pkl"))
            add_bytes(&a, entries[0], text, sizeof pickle - 1 + strlen(entries[1]));
        else
            add(&a, entries[0], entries[1]);
    }
    finish(&a);
    int rc = parse(&a, &err);
    if (message ? rc != -PX_E_FORMAT || !strstr(err.message, message) : rc != 0)
        fail_msg("expected '%s', got %d: %s", message ? message : "success", rc, err.message);
}

#define ENTRIES(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void test_records(void **state)
{
    (void)state;

    expect(NULL, ENTRIES("a/data.pkl", "", "a/data/0", "8 bytes.", "a/version", "3\n"));
    expect(NULL, ENTRIES("a/data.pkl", "", "a/byteorder", "little", "a/data/0", "8 bytes."));
    expect(NULL, ENTRIES("a/data.pkl", "", "a/data/0", "8 bytes.", "a/data/1", "used by none"));
    expect("storage '0' is not in the zip archive", ENTRIES("a/data.pkl", "", "a/version", "3"));
    expect("storage '0' has 7 bytes, its 2 elements need 8",
           ENTRIES("a/data.pkl", "", "a/data/0", "7 bytes"));
    expect("zip entry 'b/data/0' is not in the folder 'a/'",
           ENTRIES("a/data.pkl", "", "b/data/0", "8 bytes."));
    expect("'data.pkl' is not in a folder", ENTRIES("data.pkl", "", "data/0", "8 bytes."));
    expect("it has no data.pkl", ENTRIES("a/data", "", "a/data/0", "8 bytes."));
    expect("saved on a big-endian machine", ENTRIES("a/data.pkl", "", "a/byteorder", "big"));
    expect("4 bytes follow the pickle in data.pkl",
           ENTRIES("a/data.pkl", "rest", "a/data/0", "8 bytes."));
    expect("a TorchScript archive",
           ENTRIES("a/data.pkl", "", "a/constants.pkl", "", "a/data/0", "8 bytes."));
}

/* What is compressed is looked at only if it is needed. */
static void test_compression(void **state)
{
    struct archive a = {0};
    struct px_error err = {0};
    (void)state;

    add_bytes(&a, "a/data.pkl", PICKLE, sizeof PICKLE - 1);
    add(&a, "a/data/0", "8 bytes.");
    add(&a, "a/extra", "pretend");
    finish(&a);
    set(&a, a.entries[2].header + 8, 8, 2);
    set(&a, a.entries[2].central + 10, 8, 2);
    if (parse(&a, &err) != 0)
        fail_msg("%s", err.message);
    set(&a, a.entries[1].header + 8, 8, 2);
    set(&a, a.entries[1].central + 10, 8, 2);
    assert_int_equal(parse(&a, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "'a/data/0' is damaged: it does not inflate to 8 bytes"));
    set(&a, a.entries[1].header + 8, 12, 2);
    set(&a, a.entries[1].central + 10, 12, 2);
    assert_int_equal(parse(&a, &err), -PX_E_FORMAT);
    assert_non_null(strstr(err.message, "'a/data/0' is compressed with method 12; unpack"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("refuses records that torch.save() would not write", test_records),
        CHECK("refuses entries that do not inflate, or are compressed otherwise", test_compression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
