#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "model/little.h"
#include "model/pth.h"
#include "model/zip.h"

/* An archive as torch.save() lays it out, built in memory so that a test can spoil any field. */
struct archive {
    uint8_t data[4096];
    size_t size;
    struct {
        const char *name;
        size_t header, content, bytes; /* places: local header, content */
        size_t central;                /* place of the record in the directory */
        uint32_t crc;
    } entries[8];
    int count;
    size_t directory, end64, locator, end; /* places */
};

static void put(struct archive *a, uint64_t value, size_t bytes)
{
    memcpy(a->data + a->size, &value, bytes);
    a->size += bytes;
}

static void put_text(struct archive *a, const void *text, size_t size)
{
    memcpy(a->data + a->size, text, size);
    a->size += size;
}

static void set(struct archive *a, size_t place, uint64_t value, size_t bytes)
{
    memcpy(a->data + place, &value, bytes);
}

static void add_bytes(struct archive *a, const char *name, const void *content, size_t size)
{
    int i = a->count++;

    a->entries[i].name = name;
    a->entries[i].header = a->size;
    a->entries[i].bytes = size;
    a->entries[i].crc = (uint32_t)crc32(0, content, (unsigned)size);
    put(a, 0x04034b50, 4);
    put(a, 0, 2);      /* version */
    put(a, 0x0808, 2); /* descriptor follows, UTF-8 */
    put(a, 0, 2);      /* stored */
    put(a, 0, 4);      /* time */
    put(a, 0, 4);      /* checksum and sizes: told later */
    put(a, 0, 8);
    put(a, strlen(name), 2);
    put(a, 6, 2);
    put_text(a, name, strlen(name));
    put_text(a, "FB\2\0ZZ", 6);
    a->entries[i].content = a->size;
    put_text(a, content, size);
    put(a, 0x08074b50, 4);
    put(a, a->entries[i].crc, 4);
    put(a, size, 4);
    put(a, size, 4);
}

static void add(struct archive *a, const char *name, const char *text)
{
    add_bytes(a, name, text, strlen(text));
}

static void finish(struct archive *a)
{
    a->directory = a->size;
    for (int i = 0; i < a->count; i++) {
        a->entries[i].central = a->size;
        put(a, 0x02014b50, 4);
        put(a, 0, 4);
        put(a, 0x0808, 2);
        put(a, 0, 2);
        put(a, 0, 4);
        put(a, a->entries[i].crc, 4);
        put(a, a->entries[i].bytes, 4);
        put(a, a->entries[i].bytes, 4);
        put(a, strlen(a->entries[i].name), 2);
        put(a, 0, 8);
        put(a, 0, 4);
        put(a, a->entries[i].header, 4);
        put_text(a, a->entries[i].name, strlen(a->entries[i].name));
    }
    size_t bytes = a->size - a->directory;
    a->end64 = a->size;
    put(a, 0x06064b50, 4);
    put(a, 44, 8);
    put(a, 0, 4);
    put(a, 0, 8);
    put(a, (uint64_t)a->count, 8);
    put(a, (uint64_t)a->count, 8);
    put(a, bytes, 8);
    put(a, a->directory, 8);
    a->locator = a->size;
    put(a, 0x07064b50, 4);
    put(a, 0, 4);
    put(a, a->end64, 8);
    put(a, 1, 4);
    a->end = a->size;
    put(a, 0x06054b50, 4);
    put(a, 0, 4);
    put(a, (uint64_t)a->count, 2);
    put(a, (uint64_t)a->count, 2);
    put(a, bytes, 4);
    put(a, a->directory, 4);
    put(a, 0, 2);
}

/* Three entries: a/one, a/three (empty, but for its descriptor), a/two. */
static struct archive three(void)
{
    struct archive a = {0};

    add(&a, "a/one", "first");
    add(&a, "a/two", "second one");
    add(&a, "a/three", "");
    finish(&a);
    return a;
}

/* A block of exactly the archive's size. */
static uint8_t *exact(const struct archive *a)
{
    uint8_t *data = malloc(a->size);

    assert_non_null(data);
    memcpy(data, a->data, a->size);
    return data;
}

static void refuses(const struct archive *a, const char *message)
{
    uint8_t *data = exact(a);
    struct px_zip zip;
    struct px_error err = {0};

    int rc = px_zip_read(&zip, data, a->size, &err);
    if (rc != -PX_E_FORMAT || !strstr(err.message, message))
        fail_msg("expected '%s', got %d: %s", message, rc, rc ? err.message : "");
    free(data);
}

static void test_reading(void **state)
{
    struct archive a = three();
    struct px_zip zip;
    struct px_error err = {0};
    (void)state;

    if (px_zip_read(&zip, a.data, a.size, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(zip.count, 3);
    assert_string_equal(zip.first, "a/one");
    assert_string_equal(zip.entries[1].name, "a/three");
    const struct px_zip_entry *two = px_zip_find(&zip, "a/two");
    assert_int_equal(two->size, 10);
    assert_memory_equal(two->data, "second one", 10);
    assert_int_equal(px_zip_check(two, &err), 0);
    assert_null(px_zip_find(&zip, "a/tw"));
    a.data[a.entries[1].content] ^= 4;
    assert_int_equal(px_zip_check(two, &err), -PX_E_FORMAT);
    assert_string_equal(err.message, "zip entry 'a/two' is damaged: its checksum is wrong");
    px_zip_release(&zip);
}

/* PyTorch can be told to leave checksums out. */
static void test_no_checksums(void **state)
{
    struct archive a = three();
    struct px_zip zip;
    struct px_error err = {0};
    (void)state;

    for (int i = 0; i < a.count; i++) {
        set(&a, a.entries[i].central + 16, 0, 4);
        set(&a, a.entries[i].content + a.entries[i].bytes + 4, 0, 4);
    }
    if (px_zip_read(&zip, a.data, a.size, &err) != 0)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < zip.count; i++)
        assert_int_equal(px_zip_check(&zip.entries[i], &err), 0);
    px_zip_release(&zip);
}

/* Sizes beyond 32 bits stand in extra fields; here small ones do. */
static void test_zip64(void **state)
{
    struct archive a = {0};
    struct px_zip zip;
    struct px_error err = {0};
    (void)state;

    add(&a, "a/one", "first");
    finish(&a);
    set(&a, a.end + 10, 0xffff, 2);
    set(&a, a.end + 8, 0xffff, 2);
    set(&a, a.end + 12, 0xffffffff, 4);
    set(&a, a.end + 16, 0xffffffff, 4);
    if (px_zip_read(&zip, a.data, a.size, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(zip.entries[0].size, 5);
    px_zip_release(&zip);

    set(&a, a.entries[0].central + 24, 0xffffffff, 4); /* with no extra field to hold it */
    refuses(&a, "contradicts itself in its size");
}

static void test_ends(void **state)
{
    struct archive a = three();
    (void)state;

    a.size += 3;
    refuses(&a, "3 bytes follow the end of the zip archive");
    a = three();
    a.size -= 1;
    refuses(&a, "cut short: it has no end record");
    a = three();
    set(&a, a.end + 20, 1, 2); /* a comment */
    refuses(&a, "end record contradicts itself");
    a = three();
    set(&a, a.end + 8, 2, 2);
    refuses(&a, "end record contradicts itself");
    a = three();
    set(&a, a.end + 10, 2, 2);
    set(&a, a.end + 8, 2, 2);
    refuses(&a, "the two end records of the zip archive disagree");
    a = three();
    set(&a, a.end + 16, a.directory - 46, 4);
    refuses(&a, "the two end records of the zip archive disagree");
    a = three();
    set(&a, a.end64 + 40, UINT64_MAX, 8);
    set(&a, a.end + 12, UINT32_MAX, 4);
    refuses(&a, "does not end at its end record");
    a = three();
    set(&a, a.end64 + 24, 1, 8);
    refuses(&a, "the zip64 end record contradicts itself");
    a = three();
    set(&a, a.locator + 8, 7, 8);
    refuses(&a, "the zip64 end record is not where the locator says");
    a = three();
    set(&a, a.locator + 8, UINT64_MAX, 8);
    refuses(&a, "the zip64 end record is not where the locator says");
    a = three();
    set(&a, a.end64 + 24, UINT64_MAX, 8);
    set(&a, a.end64 + 32, UINT64_MAX, 8);
    set(&a, a.end + 8, 0xffff, 2);
    set(&a, a.end + 10, 0xffff, 2);
    refuses(&a, "bytes are too few for a directory of 18446744073709551615 entries");
}

/* Two archives in one file, and an archive with two directories. */
static void test_two_directories(void **state)
{
    struct archive a = three();
    struct archive twice = {0};
    (void)state;

    put_text(&twice, a.data, a.size);
    put_text(&twice, a.data, a.size);
    refuses(&twice, "the zip64 end record is not where the locator says");
    twice = (struct archive){0};
    put_text(&twice, a.data, a.end64);                             /* entries and directory, */
    put_text(&twice, a.data + a.end, a.size - a.end);              /* an end record, */
    put_text(&twice, a.data + a.directory, a.end64 - a.directory); /* and both once more */
    put_text(&twice, a.data + a.end, a.size - a.end);
    refuses(&twice, "does not end at its end record");
}

static void test_lies(void **state)
{
    struct archive a = three();
    size_t central = a.entries[1].central;
    size_t header = a.entries[1].header;
    (void)state;

    set(&a, central, 7, 4);
    refuses(&a, "central directory is damaged");
    a = three();
    set(&a, central + 28, 0xffff, 2);
    refuses(&a, "central directory is damaged");
    a = three();
    set(&a, central + 20, 11, 4);
    refuses(&a, "contradicts itself in its size");
    a = three();
    set(&a, central + 20, 0x7fffffff, 4);
    set(&a, central + 24, 0x7fffffff, 4);
    refuses(&a, "'a/two' of 2147483647 bytes does not fit its file");
    a = three();
    set(&a, central + 20, 9, 4);
    set(&a, central + 24, 9, 4);
    refuses(&a, "its data descriptor and the directory disagree");
    a = three();
    set(&a, central + 16, 9, 4);
    refuses(&a, "its data descriptor and the directory disagree");
    a = three();
    set(&a, central + 42, header + 1, 4);
    refuses(&a, "'a/two' does not begin at byte");
    a = three();
    set(&a, central + 42, 0x7fffffff, 4);
    refuses(&a, "'a/two' does not begin at byte 2147483647");
    a = three();
    a.data[header + 30] = 'b';
    refuses(&a, "local header and directory disagree");
    a = three();
    set(&a, header + 22, 3, 4);
    refuses(&a, "local header and directory disagree in its size");
    a = three();
    set(&a, header + 28, 0xffff, 2);
    refuses(&a, "does not fit its file");
    a = three();
    set(&a, header + 8, 8, 2);
    refuses(&a, "local header and directory disagree");
    a = three();
    set(&a, central + 8, 0x0809, 2);
    refuses(&a, "is encrypted");
    a = three();
    set(&a, header + 6, 0x0809, 2);
    refuses(&a, "local header and directory disagree");
}

static void test_overlap(void **state)
{
    struct archive a = {0};
    (void)state;

    add(&a, "a/one", "first");
    add(&a, "a/one", "first");
    finish(&a);
    refuses(&a, "two entries 'a/one'");
    set(&a, a.entries[1].central + 42, 0, 4);
    refuses(&a, "zip entries 'a/one' and 'a/one' overlap");
}

static void test_names(void **state)
{
    static const char *const names[] = {"../x", "a/../x", "a/..", "/etc/x",
                                        "a\\x", "a/\x01", "",     "a/\xc3\xa4"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct archive a = {0};
        add(&a, names[i], "x");
        finish(&a);
        refuses(&a, "an entry with the bad name");
    }
    struct archive a = three();
    a.data[a.entries[0].central + 46 + 2] = 0;
    refuses(&a, "an entry with the bad name 'a/'");
    a = (struct archive){0};
    finish(&a);
    refuses(&a, "the zip archive is empty");
}

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
    expect("storage '0' has 7 bytes, its 2 elements of f32 need 8",
           ENTRIES("a/data.pkl", "", "a/data/0", "7 bytes"));
    expect("zip entry 'b/data/0' is not in the folder 'a/'",
           ENTRIES("a/data.pkl", "", "b/data/0", "8 bytes."));
    expect("'data.pkl' lies in no folder", ENTRIES("data.pkl", "", "data/0", "8 bytes."));
    expect("it has no data.pkl", ENTRIES("a/data", "", "a/data/0", "8 bytes."));
    expect("saved on a big-endian machine", ENTRIES("a/data.pkl", "", "a/byteorder", "big"));
    expect("4 bytes follow the pickle in data.pkl",
           ENTRIES("a/data.pkl", "rest", "a/data/0", "8 bytes."));
    expect("a TorchScript archive",
           ENTRIES("a/data.pkl", "", "a/constants.pkl", "", "a/data/0", "8 bytes."));
}

/* What is compressed can be listed, but not used. */
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
    assert_non_null(strstr(err.message, "'a/data/0' is compressed (method 8)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("reads an archive of stored entries", test_reading),
        CHECK("takes a checksum of 0 for none", test_no_checksums),
        CHECK("reads zip64 records", test_zip64),
        CHECK("refuses end records that are cut, followed or wrong", test_ends),
        CHECK("refuses two archives or two directories in one file", test_two_directories),
        CHECK("refuses local headers and descriptors that disagree", test_lies),
        CHECK("refuses entries that overlap or share a name", test_overlap),
        CHECK("refuses names that lead out of the archive", test_names),
        CHECK("refuses records that torch.save() would not write", test_records),
        CHECK("refuses to use compressed entries", test_compression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
