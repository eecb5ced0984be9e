#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"

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
    assert_non_null(strstr(err.message, ": is a folder, not a regular file"));
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

/* alarm() ends the program if opening waits. */
static void test_unusual_files(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct px_error err = {0};
    char path[128];
    uint8_t *data;
    size_t size;
    (void)state;

    alarm(20);
    snprintf(path, sizeof path, "%s/pipe.png", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(px_file_read(path, 100, &data, &size, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "/pipe.png: is a named pipe, not a regular file"));
    assert_int_equal(px_file_read("/dev/zero", 100, &data, &size, &err), -PX_E_IO);
    assert_string_equal(err.message, "/dev/zero: is a device, not a regular file");
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(px_file_read(address.sun_path, 100, &data, &size, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "/socket: cannot open: it is a socket"));
    close(fd);
    alarm(0);
}

static void expect_content(const char *path, const char *content)
{
    uint8_t *data;
    size_t size;

    assert_int_equal(px_file_read(path, 100, &data, &size, NULL), 0);
    assert_string_equal((char *)data, content);
    free(data);
}

static void test_planted(void **state)
{
    char victim[128], path[128], planted[192];
    struct px_error err = {0};
    struct stat st;
    (void)state;

    snprintf(victim, sizeof victim, "%s/victim", folder);
    snprintf(path, sizeof path, "%s/planted", folder);
    snprintf(planted, sizeof planted, "%s.tmp-%ld", path, (long)getpid());
    assert_int_equal(px_file_save(victim, "precious", 8, &err), 0);
    assert_int_equal(symlink("victim", planted), 0);
    assert_int_equal(px_file_save(path, "new", 3, &err), 0);
    expect_content(victim, "precious");
    expect_content(path, "new");
    assert_true(lstat(path, &st) == 0 && S_ISREG(st.st_mode));
    assert_true(lstat(planted, &st) == 0 && S_ISLNK(st.st_mode));
    assert_int_equal(unlink(planted), 0);
    assert_int_equal(px_file_save(planted, "stale", 5, &err), 0); /* a regular file, too */
    assert_int_equal(px_file_save(path, "newer", 5, &err), 0);
    expect_content(planted, "stale");
    expect_content(path, "newer");
}

static void test_long_path(void **state)
{
    struct px_error err = {0};
    char path[PX_PATH_MAX + 8];
    (void)state;

    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = 0;
    assert_int_equal(px_file_save(path, "x", 1, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "aaa...: the path is longer than 4095 bytes"));
    path[PX_PATH_MAX] = 0;
    assert_int_equal(px_make_folder(path, &err), -PX_E_USAGE);
    path[PX_PATH_MAX - 2] = 0; /* the name of the temporary file does not fit any more */
    assert_int_equal(px_file_save(path, "x", 1, &err), -PX_E_USAGE);
    assert_int_equal(px_make_folder("", &err), -PX_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a file is saved whole and read with a limit", test_save),
        CHECK("a full disk leaves the old file and names it", test_full_disk),
        CHECK("a device is written directly and stays one", test_device),
        CHECK("a link is followed and stays one", test_link),
        CHECK("a pipe, device or socket is refused at once and named", test_unusual_files),
        CHECK("a planted temporary file or link is neither followed nor touched", test_planted),
        CHECK("a path that is too long is refused", test_long_path),
        CHECK("a folder is listed sorted, by suffix, without hidden files", test_list),
        CHECK("a folder of many long names is listed whole", test_long_list),
    };
    snprintf(folder, sizeof folder, "/tmp/px-file-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
