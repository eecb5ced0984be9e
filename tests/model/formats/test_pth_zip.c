#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "model/formats/parts/zip.h"
#include "tests/model/formats/archive.h"

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
    px_zip_clear(&zip);
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
    px_zip_clear(&zip);
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
    px_zip_clear(&zip);

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
                                        "a\\x", "a/\x01", "",     "a/\xc3"};
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
