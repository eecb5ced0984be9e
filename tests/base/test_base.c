#include "tests/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

static void test_fail(void **state)
{
    struct px_error err = {0};
    (void)state;
    assert_int_equal(px_fail(&err, PX_E_TOO_LARGE, "%d bytes\nforged", 7), -PX_E_TOO_LARGE);
    assert_string_equal(err.message, "7 bytes?forged");
    px_error_prefix(&err, "a.png");
    assert_string_equal(err.message, "a.png: 7 bytes?forged");
    assert_int_equal(px_error_status(-PX_E_TOO_LARGE), 413);
    assert_int_equal(px_fail(NULL, PX_E_IO, "nobody listens"), -PX_E_IO);
}

static void test_exit(void **state)
{
    (void)state;
    assert_int_equal(px_error_exit(0), 0);
    assert_int_equal(px_error_exit(-PX_E_IO), 1);
    assert_int_equal(px_error_exit(-PX_E_USAGE), 2);
    assert_int_equal(px_error_exit(-PX_E_INTERRUPTED), 130);
}

static void test_checked(void **state)
{
    size_t r;
    (void)state;
    assert_false(px_mul(SIZE_MAX / 2, 3, &r));
    assert_false(px_add(SIZE_MAX, 1, &r));
    assert_true(px_mul(6, 7, &r) && r == 42);
}

static void test_random(void **state)
{
    struct px_random a, b;
    unsigned seen[5] = {0};
    double sum = 0, square = 0;
    (void)state;

    px_random_seed(&a, 1);
    px_random_seed(&b, 1);
    for (int i = 0; i < 1000; i++)
        assert_true(px_random_next(&a) == px_random_next(&b));
    for (int i = 0; i < 5000; i++)
        seen[px_random_below(&a, 5)]++;
    for (int i = 0; i < 5; i++)
        assert_in_range(seen[i], 850, 1150); /* 1000 +- 5 sigma */
    for (int i = 0; i < 20000; i++) {
        double x = (double)px_random_normal(&a);
        sum += x;
        square += x * x;
    }
    assert_true(sum / 20000 > -0.04 && sum / 20000 < 0.04); /* 5 sigma of the mean */
    assert_true(square / 20000 > 0.94 && square / 20000 < 1.06);
    assert_true(px_hash(1, 2, 3) == px_hash(1, 2, 3));
    assert_true(px_hash(1, 2, 3) != px_hash(1, 3, 2));
}

static char folder[64];

static void test_save(void **state)
{
    char path[128];
    uint8_t *data;
    size_t size;
    struct px_error err = {0};
    (void)state;

    snprintf(path, sizeof path, "%s/deep/er/f.bin", folder);
    assert_int_equal(px_file_save(path, "x", 1, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, path));
    snprintf(path, sizeof path, "%s/deep/er", folder);
    assert_int_equal(px_make_folder(path, &err), 0);
    snprintf(path, sizeof path, "%s/deep/er/f.bin", folder);
    assert_int_equal(px_file_save(path, "hello", 5, &err), 0);
    assert_int_equal(px_file_read(path, 5, &data, &size, &err), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(data, "hello", 5);
    free(data);
    assert_int_equal(px_file_read(path, 4, &data, &size, &err), -PX_E_TOO_LARGE);
    assert_int_equal(px_file_read(folder, 4, &data, &size, &err), -PX_E_IO);
}

static void test_full_disk(void **state)
{
    static const char junk[8192];
    struct px_file_writer w;
    struct px_error err = {0};
    (void)state;

    char path[128];
    snprintf(path, sizeof path, "%s/old", folder);
    assert_int_equal(px_file_save(path, "old", 3, &err), 0);
    assert_int_equal(px_file_open(&w, path, &err), 0);
    int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0 && dup2(full, w.fd) >= 0);
    close(full);
    assert_int_equal(px_file_write(&w, junk, sizeof junk, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "old: cannot write: No space left on device"));
    px_file_abandon(&w);

    uint8_t *data;
    size_t size;
    assert_int_equal(px_file_read(path, 100, &data, &size, &err), 0);
    assert_int_equal(size, 3);
    free(data);
    assert_int_equal(access(w.temporary, F_OK), -1);
}

static void test_device(void **state)
{
    struct px_error err = {0};
    struct stat st;
    (void)state;

    assert_int_equal(px_file_save("/dev/full", "x", 1, &err), -PX_E_IO);
    assert_string_equal(err.message, "/dev/full: cannot write: No space left on device");
    assert_int_equal(px_file_save("/dev/null", "x", 1, &err), 0);
    assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    assert_int_equal(px_file_save(folder, "x", 1, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, ": cannot create: Is a directory"));
}

static void test_link(void **state)
{
    char target[128], link[128];
    struct px_error err = {0};
    struct stat st;
    (void)state;

    snprintf(target, sizeof target, "%s/target", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(px_file_save(target, "old", 3, &err), 0);
    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(px_file_save(link, "longer", 6, &err), 0);
    assert_true(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    assert_true(stat(target, &st) == 0 && st.st_size == 6);
}

static void test_list(void **state)
{
    static const char *const names[] = {"b.PNG", "a.jpg", ".hidden.png", "c.txt"};
    static const char *const suffixes[] = {".png", ".jpg", NULL};
    struct px_error err = {0};
    char **list;
    size_t n;
    (void)state;

    char path[128];
    snprintf(path, sizeof path, "%s/list", folder);
    assert_int_equal(px_make_folder(path, &err), 0);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/list/%s", folder, names[i]);
        assert_int_equal(px_file_save(path, "", 0, &err), 0);
    }
    snprintf(path, sizeof path, "%s/list", folder);
    assert_int_equal(px_list_folder(path, suffixes, &list, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0], "a.jpg");
    assert_string_equal(list[1], "b.PNG");
    free(list);
    assert_int_equal(px_list_folder("/nowhere", suffixes, &list, &n, &err), -PX_E_NOT_FOUND);
}

static void test_long_list(void **state)
{
    static const char *const suffixes[] = {".png", NULL};
    struct px_error err = {0};
    char path[128], name[300];
    char **list;
    size_t n;
    (void)state;

    snprintf(path, sizeof path, "%s/many", folder);
    assert_int_equal(px_make_folder(path, &err), 0);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "%s/%0100d.png", path, (i * 7) % 300);
        assert_int_equal(px_file_save(name, "", 0, &err), 0);
    }
    assert_int_equal(px_list_folder(path, suffixes, &list, &n, &err), 0);
    assert_int_equal(n, 300);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "%0100d.png", i);
        assert_string_equal(list[i], name);
    }
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("an error is one line with its code, whoever listens", test_fail),
        CHECK("results map to the exit statuses 0, 1, 2 and 130", test_exit),
        CHECK("sizes that overflow are seen", test_checked),
        CHECK("random numbers repeat and have the right distribution", test_random),
        CHECK("a file is saved whole and read with a limit", test_save),
        CHECK("a full disk leaves the old file and names it", test_full_disk),
        CHECK("a device is written directly and stays one", test_device),
        CHECK("a link is followed and stays one", test_link),
        CHECK("a folder is listed sorted, by suffix, without hidden files", test_list),
        CHECK("a folder of many long names is listed whole", test_long_list),
    };
    snprintf(folder, sizeof folder, "/tmp/px-base-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
