#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

static void test_parts(void **state)
{
    static const struct {
        const char *path, *name, *extension;
        size_t stem;
    } cases[] = {
        {"a/b.png", "b.png", ".png", 1},
        {"a.b/c", "c", "", 1},
        {"c.tar.gz", "c.tar.gz", ".gz", 5},
        {"/a/.hidden", ".hidden", "", 7},
        {"/a/.hidden.png", ".hidden.png", ".png", 7},
        {"a/", "", "", 0},
        {"", "", "", 0},
        {"end.", "end.", ".", 3},
        {"a/..", "..", ".", 1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(px_path_name(cases[i].path), cases[i].name);
        assert_string_equal(px_path_extension(cases[i].path), cases[i].extension);
        assert_int_equal(px_path_stem_length(cases[i].path), cases[i].stem);
    }
}

static void test_suffix(void **state)
{
    char out[PX_PATH_MAX];
    (void)state;

    assert_true(px_path_has_suffix("a/b.PNG", ".png"));
    assert_false(px_path_has_suffix("a/.png", ".png"));
    assert_false(px_path_has_suffix("png", ".png"));
    assert_false(px_path_has_suffix("a.png/b", ".png"));
    assert_int_equal(px_path_with_suffix(out, "a.b/c.safetensors", ".best.state", NULL), 0);
    assert_string_equal(out, "a.b/c.best.state");
    assert_int_equal(px_path_with_suffix(out, "a.b/c", ".x", NULL), 0);
    assert_string_equal(out, "a.b/c.x");
}

static void expect_join(const char *folder, const char *name, const char *path)
{
    char out[PX_PATH_MAX];

    assert_int_equal(px_path_join(out, folder, name, NULL), 0);
    assert_string_equal(out, path);
}

static void expect_folder(const char *path, const char *folder)
{
    char out[PX_PATH_MAX];

    assert_int_equal(px_path_folder(out, path, NULL), 0);
    assert_string_equal(out, folder);
}

static void test_join(void **state)
{
    (void)state;
    expect_join("a", "b", "a/b");
    expect_join("a/", "b", "a/b");
    expect_join("/", "b", "/b");
    expect_join("", "b", "b");
    expect_folder("a/b/c", "a/b");
    expect_folder("a//c", "a");
    expect_folder("/c", "/");
    expect_folder("//c", "/");
    expect_folder("c", ".");
}

static void test_too_long(void **state)
{
    struct px_error err = {0};
    char out[PX_PATH_MAX], name[PX_PATH_MAX];
    (void)state;

    memset(name, 'n', sizeof name);
    name[PX_PATH_MAX - 3] = 0; /* 4093 bytes: with "f/" exactly what fits */
    assert_int_equal(px_path_join(out, "f", name, &err), 0);
    assert_int_equal(strlen(out), PX_PATH_MAX - 1);
    assert_int_equal(px_path_join(out, "ff", name, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "nnn...: the path is longer than 4095 bytes"));
    assert_int_equal(px_path_with_suffix(out, name, ".state", &err), -PX_E_USAGE);
    assert_int_equal(px_path_format(out, &err, "%s%s", name, name), -PX_E_USAGE);
}

static void test_folders(void **state)
{
    char root[] = "/tmp/px-path-XXXXXX", path[PX_PATH_MAX], deep[PX_PATH_MAX];
    struct px_error err = {0};
    bool made = false;
    (void)state;

    assert_non_null(mkdtemp(root));
    assert_int_equal(px_path_join(path, root, "new", &err), 0);
    assert_int_equal(px_path_join(deep, path, "deep", &err), 0);
    assert_false(px_path_is_folder(path));
    assert_int_equal(px_path_make_folder(deep, &made, &err), -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/new/deep: cannot create the folder: the folder around"));
    assert_int_equal(px_path_make_folder(path, &made, &err), 0);
    assert_true(made && px_path_is_folder(path));
    assert_int_equal(px_path_make_folder(path, &made, &err), 0);
    assert_false(made);
    assert_int_equal(mknod(deep, S_IFREG | 0600, 0), 0);
    assert_int_equal(px_path_make_folder(deep, NULL, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "/new/deep: is not a folder"));
    assert_false(px_path_is_folder(deep));
    assert_int_equal(check_remove_folder(root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a path has a name, an extension and a stem", test_parts),
        CHECK("a suffix is compared without case and replaced", test_suffix),
        CHECK("a folder and a name are joined and taken apart", test_join),
        CHECK("a path that does not fit is refused, never cut", test_too_long),
        CHECK("one level of folder is made, more is refused", test_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
