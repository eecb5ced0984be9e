#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pairs/source.h"

static char folder[] = "/tmp/px-source-XXXXXX";

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static const char *in(const char *name)
{
    static char path[4][128];
    static int next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

/* Where the pairs of a use are, in a data set of these folders: "A B", "A" or "". */
static void expect(const char *data, const char *use, const char *a, const char *b)
{
    struct px_source source;
    struct px_error err = {0};

    assert_int_equal(px_source_of(&source, in(data), use, &err), 0);
    assert_string_equal(source.a, *a ? in(a) : "");
    assert_string_equal(source.b, *b ? in(b) : "");
}

static void make(const char *name)
{
    assert_int_equal(px_make_folder(in(name), NULL), 0);
}

static void test_uses(void **state)
{
    (void)state;
    make("one/test");
    expect("one", "test", "one/test", "");
    expect("one", "val", "", "");
    make("one/test/A");
    make("one/test/B");
    expect("one", "test", "one/test/A", "one/test/B");
    make("cyclegan/testA");
    make("cyclegan/testB");
    expect("cyclegan", "test", "cyclegan/testA", "cyclegan/testB");
    make("hd/night_label");
    make("hd/night_img");
    expect("hd", "night", "hd/night_label", "hd/night_img");
    make("split/A/test");
    make("split/B/test");
    expect("split", "test", "split/A/test", "split/B/test");
    expect("split", "", "split/A", "split/B");
    expect("one", "", "one", "");
}

static void test_root(void **state)
{
    struct px_source source;
    (void)state;

    make("root/train");
    assert_int_equal(px_source_of(&source, in("root"), "", NULL), 0);
    assert_true(source.is_root);
    assert_int_equal(px_source_of(&source, in("root"), "train", NULL), 0);
    assert_false(source.is_root);
}

static void test_refusals(void **state)
{
    struct px_source source;
    struct px_error err = {0};
    char use[PX_PATH_MAX];
    (void)state;

    make("half/testB");
    assert_int_equal(px_source_of(&source, in("half"), "test", &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "half/testA: not there"));
    memset(use, 'x', sizeof use - 1);
    use[sizeof use - 1] = '\0';
    assert_int_equal(px_source_of(&source, in("half"), use, &err), -PX_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the pairs of any use are found in every layout", test_uses),
        CHECK("the folder itself is one without its uses", test_root),
        CHECK("half of two folders is refused, and so is a name that is too long", test_refusals),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
