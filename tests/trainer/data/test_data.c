#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "trainer/data/augment.h"
#include "trainer/data/feed.h"
#include "trainer/data/pairs.h"
#include "trainer/data/parts/tree.h"

static char folder[64];

static const char *in(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A pair of 8 x 8 pictures: the left half is `left` everywhere, the right one is `right`. */
static void save_pair(const char *name, uint8_t left, uint8_t right)
{
    struct px_image image = {0};
    struct px_error err = {0};

    assert_int_equal(px_image_create(&image, 16, 8, 3, &err), 0);
    for (size_t i = 0; i < (size_t)16 * 8; i++)
        memset(image.data + i * 3, i % 16 < 8 ? left : right, 3);
    assert_int_equal(px_image_save(in(name), &image, 90, &err), 0);
    px_image_destroy(&image);
}

/* One picture of width x height that is `value` everywhere. */
static void save_flat(const char *name, uint32_t width, uint32_t height, uint8_t value)
{
    struct px_image image = {0};
    struct px_error err = {0};

    assert_int_equal(px_image_create(&image, width, height, 3, &err), 0);
    memset(image.data, value, (size_t)width * height * 3);
    assert_int_equal(px_image_save(in(name), &image, 90, &err), 0);
    px_image_destroy(&image);
}

static void make_folder(const char *name)
{
    struct px_error err = {0};

    assert_int_equal(px_make_folder(in(name), &err), 0);
}

static struct px_pairs_options small(void)
{
    return (struct px_pairs_options){.preprocess = {.load = 8, .crop = 4, .multiple = 4},
                                     .input_nc = 3,
                                     .output_nc = 3,
                                     .memory_limit = 1 << 20,
                                     .threads = 2};
}

static int open_pairs(struct px_pairs **pairs, const char *name,
                      const struct px_pairs_options *options, struct px_error *err)
{
    struct px_source source;
    int rc = px_source_at(&source, in(name), err);

    return rc ? rc : px_pairs_open(pairs, &source, options, err);
}

static void check_pair(const struct px_pairs *pairs, size_t index, uint8_t input, uint8_t target)
{
    struct px_pair storage = {0};
    const struct px_pair *pair;
    struct px_error err = {0};

    assert_int_equal(px_pairs_get(pairs, index, &storage, &pair, &err), 0);
    assert_int_equal(pair->input.width, 8);
    assert_int_equal(pair->target.height, 8);
    assert_int_equal(pair->input.data[0], input);
    assert_int_equal(pair->target.data[pair->target.channels * 63], target);
    px_pair_destroy(&storage);
}

static void test_halves(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    (void)state;

    make_folder("halves");
    save_pair("halves/b.png", 30, 40);
    save_pair("halves/a.png", 10, 20);
    assert_int_equal(px_file_save(in("halves/notes.txt"), "x", 1, &err), 0);

    assert_int_equal(open_pairs(&pairs, "halves", &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 2);
    assert_true(px_pairs_in_memory(pairs));
    check_pair(pairs, 0, 10, 20);
    check_pair(pairs, 1, 30, 40);
    px_pairs_close(pairs);

    options.b_to_a = true;
    options.output_nc = 1;
    options.memory_limit = 0;
    options.max_count = 1;
    assert_int_equal(open_pairs(&pairs, "halves", &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 1);
    assert_false(px_pairs_in_memory(pairs));
    check_pair(pairs, 0, 20, 10);
    px_pairs_close(pairs);
}

static void test_broken(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    uint8_t *data;
    size_t size;
    (void)state;

    make_folder("broken");
    save_pair("broken/a.png", 1, 2);
    save_pair("broken/c.png", 1, 2);
    assert_int_equal(px_file_read(in("broken/a.png"), 1 << 20, &data, &size, &err), 0);
    assert_int_equal(px_file_save(in("broken/b.png"), data, size - 20, &err), 0);
    free(data);
    assert_int_equal(open_pairs(&pairs, "broken", &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "broken/b.png"));
    assert_null(strstr(err.message, "other"));

    assert_int_equal(px_file_save(in("broken/d.png"), "no picture", 10, &err), 0);
    options.memory_limit = 0; /* checked even where nothing is kept */
    assert_int_equal(open_pairs(&pairs, "broken", &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "broken/b.png"));
    assert_non_null(strstr(err.message, "(and 1 other unusable file: d.png)"));

    make_folder("narrow");
    struct px_image line = {0};
    assert_int_equal(px_image_create(&line, 1, 5, 3, &err), 0);
    assert_int_equal(px_image_save(in("narrow/a.png"), &line, 90, &err), 0);
    px_image_destroy(&line);
    assert_int_equal(open_pairs(&pairs, "narrow", &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "narrow/a.png: 1 x 5 pixels"));
}

static void test_stop(void **state)
{
    static const volatile sig_atomic_t stop = 1;
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    (void)state;

    make_folder("stop");
    save_pair("stop/a.png", 1, 2);
    options.stop = &stop;
    assert_int_equal(open_pairs(&pairs, "stop", &options, &err), -PX_E_INTERRUPTED);
}

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
    assert_int_equal(px_source_find(data, &train, &val, &err), 0);
    assert_string_equal(train.a, data);
    assert_string_equal(train.b, "");
    assert_string_equal(val.a, "");
    make_folder("flat/A");
    make_folder("flat/B");
    assert_int_equal(px_source_find(data, &train, &val, &err), 0);
    assert_string_equal(train.a, in("flat/A"));
    assert_string_equal(train.b, in("flat/B"));
    make_folder("flat/train");
    make_folder("flat/val/A");
    make_folder("flat/val/B");
    assert_int_equal(px_source_find(data, &train, &val, &err), 0);
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
    assert_int_equal(px_source_find(data, &train, &val, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "apart/B/val: not there"));
    make_folder("apart/B/val");
    assert_int_equal(px_source_find(data, &train, &val, &err), 0);
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

    for (int i = 0; i < PX_TREE_DEPTH; i++)
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
    assert_int_equal(px_source_find(data, &train, &val, &err), 0);
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
    assert_int_equal(px_source_find(data, &train, &val, &err), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "alone/B: not there"));
}

static struct px_feed_options feed_of(const struct px_pairs *pairs, int64_t first, int64_t end)
{
    return (struct px_feed_options){.pairs = pairs,
                                    .crop_size = 4,
                                    .input_nc = 3,
                                    .output_nc = 3,
                                    .batch_size = 2,
                                    .flip = true,
                                    .threads = 3,
                                    .seed = 3,
                                    .first_step = first,
                                    .end_step = end};
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

static void test_preprocess_sizes(void **state)
{
    static const struct {
        enum px_preprocess_mode mode;
        uint32_t load, width, height, to_width, to_height; /* to 0: refused */
    } cases[] = {
        {PX_RESIZE_AND_CROP, 286, 600, 400, 286, 286},
        {PX_CROP, 286, 600, 400, 600, 400},
        {PX_CROP, 286, 600, 255, 0, 0},
        {PX_SCALE_WIDTH, 256, 512, 512, 256, 256},
        {PX_SCALE_WIDTH, 256, 512, 600, 256, 256}, /* 300 rows, rounded */
        {PX_SCALE_WIDTH, 500, 500, 1000, 512, 1024},
        {PX_SCALE_WIDTH, 286, 100, 5000, 0, 0},    /* 14300 rows */
        {PX_SCALE_WIDTH, 256, 600, 400, 256, 256}, /* 170 rows are too few: 256, as there */
        {PX_SCALE_WIDTH_AND_CROP, 300, 600, 1001, 300, 500},
        {PX_SCALE_WIDTH_AND_CROP, 300, 600, 400, 300, 256},
        {PX_NO_PREPROCESS, 286, 250, 300, 256, 256},
        {PX_NO_PREPROCESS, 286, 400, 256, 512, 256},
        {PX_NO_PREPROCESS, 286, 400, 9000, 0, 0},
        {PX_NO_PREPROCESS, 286, 1, 100, 256, 256},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct px_preprocess p = {cases[i].mode, cases[i].load, 256, 256, 256};
        uint32_t width = cases[i].width, height = cases[i].height;
        struct px_error err = {0};
        int rc = px_preprocess_size(&p, &width, &height, &err);
        if (cases[i].to_width == 0) {
            assert_int_equal(rc, -PX_E_UNPROCESSABLE);
            assert_non_null(
                strstr(err.message, px_preprocess_crops(&p) ? "--crop-size" : "at most 8192"));
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(width, cases[i].to_width);
        assert_int_equal(height, cases[i].to_height);
    }
}

/* Pictures keep their sizes, and what is measured is their middle. */
static void test_crop(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    struct px_pair storage = {0};
    const struct px_pair *pair;
    (void)state;

    make_folder("sizes");
    save_flat("sizes/a.png", 25, 9, 10); /* halves of 12 and 13 columns */
    save_flat("sizes/b.png", 8, 4, 20);
    options.preprocess.mode = PX_CROP;
    assert_int_equal(open_pairs(&pairs, "sizes", &options, &err), 0);
    assert_int_equal(px_pairs_get(pairs, 0, &storage, &pair, &err), 0);
    assert_int_equal(pair->input.width, 12);
    assert_int_equal(pair->target.width, 13);
    assert_int_equal(pair->input.height, 9);
    struct px_feed_options plan = feed_of(pairs, 0, 50);
    struct px_feed *feed;
    struct px_train_batch batch;
    assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
    for (int i = 0; i < 50; i++) /* sanitizers would see a crop outside */
        assert_int_equal(px_feed_next(feed, &batch, &err), 0);
    px_feed_destroy(feed);
    px_pairs_close(pairs);

    options.central = true;
    assert_int_equal(open_pairs(&pairs, "sizes", &options, &err), 0);
    assert_int_equal(px_pairs_get(pairs, 0, &storage, &pair, &err), 0);
    assert_int_equal(pair->target.width, 4);
    assert_int_equal(pair->target.height, 4);
    px_pairs_close(pairs);

    save_flat("sizes/c.png", 8, 3, 20);
    assert_int_equal(open_pairs(&pairs, "sizes", &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "sizes/c.png: a picture of 4x3 is smaller than"));
}

/* Whole pictures of their own sizes: a batch is as large as its pair, whose halves agree. */
static void test_whole(void **state)
{
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    struct px_feed *feed;
    struct px_train_batch batch;
    (void)state;

    make_folder("whole");
    save_flat("whole/a.png", 29, 9, 10); /* halves of 14 and 15 columns: 16, 8 */
    save_flat("whole/b.png", 16, 22, 20);
    options.preprocess.mode = PX_NO_PREPROCESS;
    options.preprocess.least = 8;
    for (int central = 0; central < 2; central++) {
        options.central = central == 1;
        assert_int_equal(open_pairs(&pairs, "whole", &options, &err), 0);
        assert_int_equal(px_pairs_pixels(pairs), 8 * 24);
        assert_int_equal(px_pairs_check_one_size(pairs, &err), -PX_E_USAGE);
        assert_non_null(strstr(err.message, "a.png is trained on at 16x8 and b.png at 8x24"));
        struct px_feed_options plan = feed_of(pairs, 0, 20);
        plan.batch_size = 1;
        plan.crop_size = 0;
        plan.serial = true;
        assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
        for (uint32_t i = 0; i < 20; i++) {
            assert_int_equal(px_feed_next(feed, &batch, &err), 0);
            assert_int_equal(batch.width, i % 2 ? 8 : 16);
            assert_int_equal(batch.height, i % 2 ? 24 : 8);
            for (int k = 0; k < batch.width * batch.height * 3; k++) {
                int value = i % 2 ? 20 : 10;
                assert_int_equal((int)((batch.input[k] + 1) * 127.5f + 0.5f), value);
                assert_int_equal((int)((batch.target[k] + 1) * 127.5f + 0.5f), value);
            }
        }
        px_feed_destroy(feed);
        px_pairs_close(pairs);
    }
}

/* What a PNG of 16 bits holds reaches the network, and is what its 8-bit self says when rounded. */
static void test_16_bits(void **state)
{
    static const char *const names[] = {"rgb-16.png", "grey-16.png"};
    static const struct px_augment whole = {0};
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    char path[512], name[64];
    float *floats;
    (void)state;

    make_folder("deep/A");
    make_folder("deep/B");
    options.preprocess.mode = PX_CROP;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint8_t *data;
        size_t size;
        struct px_image image = {0};
        snprintf(path, sizeof path, "%s/codecs/data/png/%s", getenv("PX_TESTS"), names[i]);
        assert_int_equal(px_file_read(path, 1 << 20, &data, &size, &err), 0);
        snprintf(name, sizeof name, "deep/A/%s", names[i]);
        assert_int_equal(px_file_save(in(name), data, size, &err), 0);
        assert_int_equal(px_image_decode((struct px_span){data, size}, NULL, 3, &image, &err), 0);
        snprintf(name, sizeof name, "deep/B/%s", names[i]);
        assert_int_equal(px_image_save(in(name), &image, 90, &err), 0);
        px_image_destroy(&image);
        free(data);
    }
    assert_int_equal(open_pairs(&pairs, "deep", &options, &err), 0);
    for (size_t i = 0; i < px_pairs_count(pairs); i++) {
        struct px_pair storage = {0};
        const struct px_pair *pair;
        struct px_image rounded = {0};
        size_t finer = 0;
        assert_int_equal(px_pairs_get(pairs, i, &storage, &pair, &err), 0);
        const struct px_picture *p = &pair->input;
        size_t n = (size_t)p->width * p->height * 3;
        assert_non_null(p->deep);
        assert_null(pair->target.deep);
        assert_int_equal(px_picture_round(p, &rounded, &err), 0);
        assert_memory_equal(rounded.data, pair->target.data, n);
        px_image_destroy(&rounded);

        floats = malloc(n * sizeof *floats);
        px_augment_apply(&whole, p, p->width, p->height, floats);
        for (size_t k = 0; k < n; k++) {
            assert_true(fabs((double)floats[k] - (p->deep[k] / 65535.0 * 2 - 1)) < 1e-6);
            finer += p->deep[k] % 257 != 0;
        }
        assert_true(finer > n / 2); /* the file has more than 8 bits to lose */
        free(floats);
        px_pair_destroy(&storage);
    }
    px_pairs_close(pairs);

    options.preprocess.mode = PX_RESIZE_AND_CROP; /* scaled, and both halves of one file */
    make_folder("deeper");
    snprintf(path, sizeof path, "%s/codecs/data/png/rgb-16.png", getenv("PX_TESTS"));
    uint8_t *data;
    size_t size;
    assert_int_equal(px_file_read(path, 1 << 20, &data, &size, &err), 0);
    assert_int_equal(px_file_save(in("deeper/a.png"), data, size, &err), 0);
    free(data);
    options.memory_limit = 0;
    assert_int_equal(open_pairs(&pairs, "deeper", &options, &err), 0);
    struct px_pair storage = {0};
    const struct px_pair *pair;
    assert_int_equal(px_pairs_get(pairs, 0, &storage, &pair, &err), 0);
    assert_non_null(pair->input.deep);
    assert_non_null(pair->target.deep);
    assert_int_equal(pair->target.width, 8);
    px_pair_destroy(&storage);
    px_pairs_close(pairs);
}

enum { BATCH_FLOATS = 2 * 4 * 4 * 3 };

/* Five pairs, two a step: three steps an epoch, the last of one pair. */
static void test_feed(void **state)
{
    enum { STEPS = 9 };
    struct px_pairs *pairs;
    struct px_feed *feed;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    static float straight[STEPS][BATCH_FLOATS];
    struct px_train_batch batch;
    (void)state;

    make_folder("feed");
    for (uint8_t i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "feed/%d.png", i);
        save_pair(name, (uint8_t)(i * 50), (uint8_t)(i * 50 + 5));
    }
    assert_int_equal(open_pairs(&pairs, "feed", &options, &err), 0);
    struct px_feed_options plan = feed_of(pairs, 0, STEPS);
    assert_int_equal(px_feed_steps_per_epoch(&plan), 3);
    assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
    unsigned seen = 0;
    for (int s = 0; s < STEPS; s++) {
        assert_int_equal(px_feed_next(feed, &batch, &err), 0);
        assert_int_equal(batch.count, s % 3 < 2 ? 2 : 1);
        memcpy(straight[s], batch.input, (size_t)batch.count * sizeof straight[s] / 2);
        if (s % 3 == 0)
            seen = 0;
        for (int i = 0; i < batch.count;
             i++) { /* input and target of one file, none twice an epoch */
            int v = (int)((batch.input[i * 48] + 1) * 127.5f + 0.5f);
            int w = (int)((batch.target[i * 48] + 1) * 127.5f + 0.5f);
            assert_int_equal(w, v + 5);
            assert_false(seen >> (v / 50) & 1);
            seen |= 1u << (v / 50);
        }
        if (s % 3 == 2)
            assert_int_equal(seen, 31);
    }
    px_feed_destroy(feed);

    plan.first_step = 4; /* a resumed run, without the pixels in memory */
    px_pairs_close(pairs);
    options.memory_limit = 0;
    assert_int_equal(open_pairs(&pairs, "feed", &options, &err), 0);
    plan.pairs = pairs;
    assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
    for (int s = 4; s < STEPS; s++) {
        assert_int_equal(px_feed_next(feed, &batch, &err), 0);
        assert_memory_equal(straight[s], batch.input, (size_t)batch.count * sizeof straight[s] / 2);
    }
    px_feed_destroy(feed);

    plan.first_step = 0; /* in the order of names, epoch after epoch */
    plan.serial = true;
    assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
    for (int s = 0; s < STEPS; s++) {
        assert_int_equal(px_feed_next(feed, &batch, &err), 0);
        for (int i = 0; i < batch.count; i++)
            assert_int_equal((int)((batch.input[i * 48] + 1) * 127.5f + 0.5f),
                             (s % 3 * 2 + i) * 50);
    }
    px_feed_destroy(feed);

    plan.batch_size = 7; /* more than there are */
    assert_int_equal(px_feed_steps_per_epoch(&plan), 1);
    assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
    for (int s = 0; s < 2; s++) {
        assert_int_equal(px_feed_next(feed, &batch, &err), 0);
        assert_int_equal(batch.count, 5);
    }
    px_feed_destroy(feed);
    px_pairs_close(pairs);
}

static void test_feed_fails(void **state)
{
    struct px_pairs *pairs;
    struct px_feed *feed;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    struct px_train_batch batch;
    (void)state;

    make_folder("vanish");
    save_pair("vanish/a.png", 1, 2);
    save_pair("vanish/b.png", 1, 2);
    options.memory_limit = 0;
    assert_int_equal(open_pairs(&pairs, "vanish", &options, &err), 0);
    assert_int_equal(remove(in("vanish/b.png")), 0);
    struct px_feed_options plan = feed_of(pairs, 0, 10);
    assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
    assert_int_equal(px_feed_next(feed, &batch, &err), -PX_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "vanish/b.png"));
    px_feed_destroy(feed);

    save_pair("vanish/b.png", 1, 2);
    assert_int_equal(px_feed_create(&feed, &plan, &err), 0);
    px_feed_destroy(feed); /* while the thread waits with both buffers full, or still fills them */
    px_pairs_close(pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("pairs are split in the middle, in the order of names, either way round",
              test_halves),
        CHECK("a broken file is named, with the number of others", test_broken),
        CHECK("Ctrl-C ends the check of the pictures", test_stop),
        CHECK("a folder without pictures is refused", test_empty),
        CHECK("two folders A and B hold a pair in files of the same name", test_two_folders),
        CHECK("each mode of preprocessing gives the reference's sizes, or refuses",
              test_preprocess_sizes),
        CHECK("pictures are cropped at their own sizes, and measured in the middle", test_crop),
        CHECK("whole pictures keep their sizes, rounded to what the network takes", test_whole),
        CHECK("PNGs of 16 bits keep them up to the network", test_16_bits),
        CHECK("pictures in folders below count, in the order of names", test_tree),
        CHECK("they match in A and B by their whole names", test_two_trees),
        CHECK("DIR/train and DIR/val are used where they exist", test_folders),
        CHECK("so are DIR/A/train with DIR/B/train, and those of val", test_folders_of_two),
        CHECK("batches visit each pair once an epoch and do not depend on where a run begins",
              test_feed),
        CHECK("a file that vanishes is an error of its step", test_feed_fails),
    };
    snprintf(folder, sizeof folder, "/tmp/px-data-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
