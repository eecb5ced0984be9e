#include "tests/trainer/data/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "pairs/names.h"

static void test_empty(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    (void)state;

    make_folder("empty");
    assert_int_equal(open_pairs(&pairs, "empty", &options, &err), -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "empty: holds no"));
    assert_int_equal(open_pairs(&pairs, "nowhere", &options, &err), -PX_E_NOT_FOUND);
}

static void test_folders(void **state)
{
    struct px_error err = {0};
    struct px_source train, val;
    char data[256];
    (void)state;

    make_folder("flat");
    snprintf(data, sizeof data, "%s", in("flat"));
    assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
    assert_string_equal(train.a, data);
    assert_string_equal(train.b, "");
    assert_string_equal(val.a, "");
    make_folder("flat/A");
    make_folder("flat/B");
    assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
    assert_string_equal(train.a, in("flat/A"));
    assert_string_equal(train.b, in("flat/B"));
    make_folder("flat/train");
    make_folder("flat/val/A");
    make_folder("flat/val/B");
    assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
    assert_string_equal(train.a, in("flat/train"));
    assert_string_equal(train.b, "");
    assert_string_equal(val.a, in("flat/val/A"));
    assert_string_equal(val.b, in("flat/val/B"));
}

/* As the reference's script that puts pairs side by side wants its input. */
static void test_folders_of_two(void **state)
{
    struct px_error err = {0};
    struct px_source train, val;
    struct px_pairs *pairs;
    struct px_pairs_options options = small();
    char data[256];
    (void)state;

    make_folder("apart/A/train");
    make_folder("apart/B/train");
    make_folder("apart/A/val");
    save_flat("apart/A/train/7.png", 8, 8, 10);
    save_flat("apart/B/train/7.png", 8, 8, 20);
    snprintf(data, sizeof data, "%s", in("apart"));
    assert_int_equal(px_source_find(data, false, &train, &val, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "apart/B/val: not there"));
    make_folder("apart/B/val");
    assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
    assert_string_equal(train.a, in("apart/A/train"));
    assert_string_equal(val.b, in("apart/B/val"));
    assert_int_equal(px_pairs_open(&pairs, &train, &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 1);
    check_pair(pairs, 0, 10, 20);
    px_pairs_close(pairs);
    assert_int_equal(px_pairs_open(&pairs, &val, &options, &err), -PX_E_NOT_FOUND);
}

/* Folders below count, in the order of whole names; hidden ones and links to folders do not. */
static void test_tree(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    char to[256], deep[256] = "tree";
    (void)state;

    make_folder("tree/a/x");
    make_folder("tree/.hidden");
    make_folder("elsewhere");
    save_pair("tree/a/x/2.png", 30, 40);
    save_pair("tree/a/1.png", 20, 30);
    save_pair("tree/a-1.png", 10, 20); /* '-' comes before '/' */
    save_pair("tree/b.png", 40, 50);
    save_pair("tree/.hidden/0.png", 1, 2);
    save_pair("elsewhere/0.png", 1, 2);
    snprintf(to, sizeof to, "%s", in("elsewhere"));
    assert_int_equal(symlink(to, in("tree/a/y")), 0);
    assert_int_equal(symlink("..", in("tree/a/x/up")), 0);
    snprintf(to, sizeof to, "%s", in("elsewhere/0.png"));
    assert_int_equal(symlink(to, in("tree/c.png")), 0);
    assert_int_equal(open_pairs(&pairs, "tree", &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 5);
    check_pair(pairs, 0, 10, 20);
    check_pair(pairs, 1, 20, 30);
    check_pair(pairs, 2, 30, 40);
    check_pair(pairs, 3, 40, 50);
    check_pair(pairs, 4, 1, 2);
    px_pairs_close(pairs);

    for (int i = 0; i < PX_NAMES_DEPTH; i++)
        strcat(deep, "/d");
    make_folder(deep);
    save_pair(strcat(deep, "/p.png"), 1, 2);
    assert_int_equal(open_pairs(&pairs, "tree", &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 6);
    px_pairs_close(pairs);
    strcpy(deep + strlen(deep) - 5, "d/d");
    make_folder(deep);
    assert_int_equal(open_pairs(&pairs, "tree", &options, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "lies more than 16 folders below"));
}

/* Names match from A/ and B/ on. */
static void test_two_trees(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    struct px_source train, val;
    char data[256];
    (void)state;

    make_folder("trees/A/x");
    make_folder("trees/A/y");
    make_folder("trees/A/val");
    make_folder("trees/B/x");
    make_folder("trees/B/y");
    make_folder("trees/B/val");
    save_flat("trees/A/x/1.png", 8, 8, 10);
    save_flat("trees/B/x/1.jpg", 8, 8, 20);
    save_flat("trees/A/y/1.png", 8, 8, 30);
    save_flat("trees/B/y/1.png", 8, 8, 40);
    save_flat("trees/A/val/1.png", 8, 8, 50);
    save_flat("trees/B/val/1.png", 8, 8, 60);
    snprintf(data, sizeof data, "%s", in("trees"));
    assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
    assert_int_equal(px_pairs_open(&pairs, &train, &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 2); /* without those of val */
    check_pair(pairs, 0, 10, 20);
    check_pair(pairs, 1, 30, 40);
    px_pairs_close(pairs);
    assert_int_equal(px_pairs_open(&pairs, &val, &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 1);
    check_pair(pairs, 0, 50, 60);
    px_pairs_close(pairs);

    save_flat("trees/A/y/2.png", 8, 8, 10);
    assert_int_equal(px_pairs_open(&pairs, &train, &options, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "trees/A/y/2.png has no partner in "));

    make_folder("alone/A"); /* would be split in halves as pairs */
    save_pair("alone/A/1.png", 1, 2);
    snprintf(data, sizeof data, "%s", in("alone"));
    assert_int_equal(px_source_find(data, false, &train, &val, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "alone/B: not there"));
}

static void test_two_folders(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    (void)state;

    make_folder("two/A");
    make_folder("two/B");
    save_flat("two/A/1.png", 8, 8, 10);
    save_flat("two/A/1-b.png", 8, 8, 50);
    save_flat("two/A/2.png", 8, 8, 30);
    save_flat("two/B/1.jpg", 8, 8, 20);
    save_flat("two/B/1-b.png", 8, 8, 60);
    save_flat("two/B/2.png", 8, 8, 40);
    assert_int_equal(open_pairs(&pairs, "two", &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 3);
    check_pair(pairs, 0, 10, 20);
    check_pair(pairs, 1, 50, 60);
    check_pair(pairs, 2, 30, 40);
    px_pairs_close(pairs);

    save_flat("two/B/3.png", 8, 8, 40);
    assert_int_equal(open_pairs(&pairs, "two", &options, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "two/B/3.png has no partner in "));
    save_flat("two/A/3.png", 8, 10, 40);
    assert_int_equal(open_pairs(&pairs, "two", &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "two/B/3.png: is 8x8, its partner in A is 8x10"));
    assert_int_equal(remove(in("two/B/2.png")), 0);
    assert_int_equal(open_pairs(&pairs, "two", &options, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "two/A/2.png has no partner in "));
    save_pair("two/x.png", 1, 2);
    assert_int_equal(open_pairs(&pairs, "two", &options, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "beside the folders A and B"));
}

/* Saves a pair of two files in the two folders. */
static void save_two(const char *a, const char *b)
{
    char name[128];

    make_folder(a);
    make_folder(b);
    snprintf(name, sizeof name, "%s/1.png", a);
    save_flat(name, 8, 8, 10);
    snprintf(name, sizeof name, "%s/1.png", b);
    save_flat(name, 8, 8, 20);
}

/* CycleGAN's and pix2pixHD's folders, and those in lower case. */
static void test_layouts(void **state)
{
    static const struct {
        const char *root, *a, *b;
    } layouts[] = {
        {"cycle", "cycle/trainA", "cycle/trainB"},
        {"hd", "hd/train_A", "hd/train_B"},
        {"label", "label/train_label", "label/train_img"},
        {"lower", "lower/a", "lower/b"},
        {"lower2", "lower2/train/a", "lower2/train/b"},
        {"lower3", "lower3/a/train", "lower3/b/train"},
    };
    struct px_pairs_options options = small();
    struct px_error err = {0};
    struct px_source train, val;
    struct px_pairs *pairs;
    char data[256];
    (void)state;

    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        save_two(layouts[i].a, layouts[i].b);
        snprintf(data, sizeof data, "%s", in(layouts[i].root));
        assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
        assert_string_equal(train.a, in(layouts[i].a));
        assert_string_equal(train.b, in(layouts[i].b));
        assert_string_equal(val.a, "");
        assert_int_equal(px_pairs_open(&pairs, &train, &options, &err), 0);
        check_pair(pairs, 0, 10, 20);
        px_pairs_close(pairs);
    }
    save_two("cycle/valA", "cycle/valB");
    snprintf(data, sizeof data, "%s", in("cycle"));
    assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
    assert_string_equal(val.b, in("cycle/valB"));

    save_flat("cycle/trainA/2.png", 8, 8, 10); /* not paired, as CycleGAN's own sets */
    assert_int_equal(px_source_find(data, false, &train, &val, &err), 0);
    assert_int_equal(px_pairs_open(&pairs, &train, &options, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "trainA/2.png has no partner in "));
    make_folder("half/trainA");
    snprintf(data, sizeof data, "%s", in("half"));
    assert_int_equal(px_source_find(data, false, &train, &val, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "half/trainB: not there"));
}

/* With --pairs halves every file holds both, also in folders called A and B. */
static void test_halves_anywhere(void **state)
{
    struct px_pairs_options options = small();
    struct px_error err = {0};
    struct px_source train, val;
    struct px_pairs *pairs;
    char data[256];
    (void)state;

    make_folder("both/train/A");
    make_folder("both/train/B");
    save_pair("both/train/A/1.png", 10, 20);
    save_pair("both/train/B/2.png", 30, 40);
    snprintf(data, sizeof data, "%s", in("both"));
    assert_int_equal(px_source_find(data, true, &train, &val, &err), 0);
    assert_string_equal(train.a, in("both/train"));
    assert_string_equal(train.b, "");
    assert_int_equal(px_pairs_open(&pairs, &train, &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 2);
    check_pair(pairs, 1, 30, 40);
    px_pairs_close(pairs);
}

/* Pictures of other formats and linked folders are left out, and named. */
static void test_left_out(void **state)
{
    struct px_pairs_options options = small();
    struct px_pairs_found found;
    struct px_error err = {0};
    struct px_pairs *pairs;
    (void)state;

    make_folder("rest/sub");
    make_folder("rest/.git");
    save_pair("rest/1.png", 10, 20);
    assert_int_equal(px_file_save(in("rest/sub/b.TIF"), "x", 1, &err), 0);
    assert_int_equal(px_file_save(in("rest/a.webp"), "x", 1, &err), 0);
    assert_int_equal(px_file_save(in("rest/.git/c.bmp"), "x", 1, &err), 0);
    assert_int_equal(px_file_save(in("rest/notes.txt"), "x", 1, &err), 0);
    assert_int_equal(symlink("sub", in("rest/linked")), 0);
    assert_int_equal(open_pairs(&pairs, "rest", &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 1);
    px_pairs_describe(pairs, &found);
    assert_int_equal(found.other_count, 2);
    assert_string_equal(found.others[0], in("rest/a.webp"));
    assert_string_equal(found.others[1], in("rest/sub/b.TIF"));
    assert_int_equal(found.link_count, 1);
    assert_string_equal(found.links[0], in("rest/linked"));
    px_pairs_close(pairs);

    make_folder("tiffs");
    assert_int_equal(px_file_save(in("tiffs/a.tiff"), "x", 1, &err), 0);
    assert_int_equal(open_pairs(&pairs, "tiffs", &options, &err), -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "convert them"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a folder without pictures is refused", test_empty),
        CHECK("two folders A and B hold a pair in files of the same name", test_two_folders),
        CHECK("pictures in folders below count, in the order of names", test_tree),
        CHECK("they match in A and B by their whole names", test_two_trees),
        CHECK("DIR/train and DIR/val are used where they exist", test_folders),
        CHECK("so are DIR/A/train with DIR/B/train, and those of val", test_folders_of_two),
        CHECK("folders of CycleGAN, of pix2pixHD and in lower case hold pairs of equal names",
              test_layouts),
        CHECK("with --pairs halves folders A and B hold whole pairs", test_halves_anywhere),
        CHECK("pictures of other formats and linked folders are left out and named", test_left_out),
    };
    return run_data_tests(tests, sizeof tests / sizeof *tests);
}
