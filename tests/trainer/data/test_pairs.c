#include "tests/trainer/data/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "trainer/data/augment.h"

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

    options.pair.b_to_a = true;
    options.pair.output_nc = 1;
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
    assert_non_null(strstr(err.message, "; --skip-broken leaves it out"));

    assert_int_equal(px_file_save(in("broken/d.png"), "no picture", 10, &err), 0);
    options.memory_limit = 0; /* checked even where nothing is kept */
    assert_int_equal(open_pairs(&pairs, "broken", &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "broken/b.png"));
    assert_non_null(strstr(err.message, "(and 1 other unusable file: d.png); --skip-broken"));

    make_folder("narrow");
    struct px_image line = {0};
    assert_int_equal(px_image_init(&line, 1, 5, 3, &err), 0);
    assert_int_equal(px_image_save(in("narrow/a.png"), &line, 90, &err), 0);
    px_image_clear(&line);
    assert_int_equal(open_pairs(&pairs, "narrow", &options, &err), -PX_E_UNPROCESSABLE);
    assert_non_null(strstr(err.message, "narrow/a.png: 1 x 5 pixels"));
}

static void test_stop(void **state)
{
    static const atomic_int stop = 1;
    struct px_pairs *pairs;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    (void)state;

    make_folder("stop");
    save_pair("stop/a.png", 1, 2);
    options.stop = &stop;
    assert_int_equal(open_pairs(&pairs, "stop", &options, &err), -PX_E_INTERRUPTED);
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
    options.pair.preprocess.mode = PX_CROP;
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
        px_image_clear(&image);
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
        px_image_clear(&rounded);

        floats = malloc(n * sizeof *floats);
        px_augment_apply(&whole, p, p->width, p->height, floats);
        for (size_t k = 0; k < n; k++) {
            assert_true(fabs((double)floats[k] - (p->deep[k] / 65535.0 * 2 - 1)) < 1e-6);
            finer += p->deep[k] % 257 != 0;
        }
        assert_true(finer > n / 2); /* the file has more than 8 bits to lose */
        free(floats);
        px_pair_clear(&storage);
    }
    px_pairs_close(pairs);

    options.any_shape = true;
    options.pair.preprocess.mode = PX_RESIZE_AND_CROP; /* scaled, and both halves of one file */
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
    px_pair_clear(&storage);
    px_pairs_close(pairs);
}

/* Collects the names of broken files. */
static void note_broken(void *closure, const char *message)
{
    strncat(closure, strrchr(message, '/'), 20);
}

static void test_skip_broken(void **state)
{
    char messages[512] = "";
    struct px_pairs *pairs;
    struct px_pairs_found found;
    struct px_error err = {0};
    struct px_pairs_options options = small();
    (void)state;

    make_folder("skip");
    save_pair("skip/a.png", 10, 20);
    save_pair("skip/c.png", 30, 40);
    assert_int_equal(px_file_save(in("skip/b.png"), "no picture", 10, &err), 0);
    assert_int_equal(mkfifo(in("skip/d.png"), 0600), 0); /* nothing waits for its other end */
    options.on_broken = note_broken;
    options.closure = messages;
    assert_int_equal(open_pairs(&pairs, "skip", &options, &err), -PX_E_UNPROCESSABLE);
    assert_ptr_equal(strstr(messages, "/b.png: "), messages);
    assert_non_null(strstr(messages, "/d.png: "));
    options.skip_broken = true;
    messages[0] = 0;
    for (int kept = 0; kept < 2; kept++) {
        options.memory_limit = kept ? 1 << 20 : 0;
        assert_int_equal(open_pairs(&pairs, "skip", &options, &err), 0);
        assert_int_equal(px_pairs_count(pairs), 2);
        check_pair(pairs, 0, 10, 20);
        check_pair(pairs, 1, 30, 40);
        px_pairs_describe(pairs, &found);
        assert_int_equal(found.broken, 2);
        px_pairs_close(pairs);
    }
    assert_int_equal(strlen(messages), 2 * 2 * 20);
    assert_int_equal(remove(in("skip/a.png")), 0);
    assert_int_equal(remove(in("skip/c.png")), 0);
    for (int i = 0; i < 2; i++) {
        options.skip_broken = i == 0;
        assert_int_equal(open_pairs(&pairs, "skip", &options, &err), -PX_E_UNPROCESSABLE);
        assert_non_null(strstr(err.message, "skip/b.png: "));
        assert_non_null(strstr(err.message, "; no usable pair is left"));
        assert_null(strstr(err.message, "--skip-broken"));
    }
}

/* Photographs are not split by mistake. */
static void test_narrow(void **state)
{
    static const struct {
        uint32_t width, height;
        bool is_pair;
    } cases[] = {{256, 256, false}, {256, 255, false}, {480, 270, false}, {30, 20, false},
                 {512, 256, true},  {510, 256, true},  {520, 264, true},  {512, 157, true}};
    struct px_pairs *pairs;
    struct px_pairs_options options = small();
    struct px_pairs_found found;
    struct px_error err = {0};
    (void)state;

    make_folder("narrow2");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        save_flat("narrow2/a.png", cases[i].width, cases[i].height, 10);
        options.any_shape = false;
        int rc = open_pairs(&pairs, "narrow2", &options, &err);
        assert_int_equal(rc, cases[i].is_pair ? 0 : -PX_E_USAGE);
        if (!rc)
            px_pairs_close(pairs);
        else
            assert_non_null(
                strstr(err.message, "1 of 1 pictures are not clearly pairs (a.png has"));
        options.any_shape = true;
        assert_int_equal(open_pairs(&pairs, "narrow2", &options, &err), 0);
        px_pairs_close(pairs);
    }
    save_flat("narrow2/b.png", 100, 40, 10);
    assert_int_equal(open_pairs(&pairs, "narrow2", &options, &err), 0);
    px_pairs_describe(pairs, &found);
    assert_null(found.b);
    assert_int_equal(found.smallest.width, 50);
    assert_int_equal(found.smallest.height, 40);
    assert_int_equal(found.largest.width, 256);
    assert_int_equal(found.largest.height, 157);
    px_pairs_close(pairs);
}

/* The EXIF orientation would swap the halves or cut across both. */
static void test_orientation(void **state)
{
    struct px_pairs *pairs;
    struct px_pairs_options options = small();
    struct px_pair storage = {0};
    const struct px_pair *upright, *turned;
    struct px_error err = {0};
    char path[512];
    uint8_t *data;
    size_t size;
    (void)state;

    options.any_shape = true;
    options.pair.preprocess.mode = PX_CROP;
    make_folder("turned");
    for (int orientation = 1; orientation <= 8; orientation++) {
        char name[32];
        snprintf(path, sizeof path, "%s/codecs/data/jpeg/turned-%d.jpg", getenv("PX_TESTS"),
                 orientation);
        assert_int_equal(px_file_read(path, 1 << 20, &data, &size, &err), 0);
        snprintf(name, sizeof name, "turned/%d.jpg", orientation);
        assert_int_equal(px_file_save(in(name), data, size, &err), 0);
        free(data);
    }
    assert_int_equal(open_pairs(&pairs, "turned", &options, &err), 0);
    assert_int_equal(px_pairs_count(pairs), 8);
    assert_int_equal(px_pairs_get(pairs, 0, &storage, &upright, &err), 0);
    size_t bytes = px_picture_bytes(&upright->input);
    for (size_t i = 1; i < px_pairs_count(pairs); i++) {
        assert_int_equal(px_pairs_get(pairs, i, &storage, &turned, &err), 0);
        assert_int_equal(turned->input.width, upright->input.width);
        assert_int_equal(turned->input.height, upright->input.height);
        assert_memory_equal(turned->input.data, upright->input.data, bytes);
    }
    px_pairs_close(pairs);
}

static void test_limits(void **state)
{
    struct px_pairs *pairs;
    struct px_pairs_options options = small();
    struct px_error err = {0};
    (void)state;

    make_folder("large");
    save_flat("large/a.png", 64, 32, 10);
    options.pair.limits.max_pixels = 64 * 32 - 1;
    assert_int_equal(open_pairs(&pairs, "large", &options, &err), -PX_E_UNPROCESSABLE);
    options.pair.limits = (struct px_decode_limits){.max_side = 63};
    assert_int_equal(open_pairs(&pairs, "large", &options, &err), -PX_E_UNPROCESSABLE);
    options.pair.limits = (struct px_decode_limits){.max_pixels = 64 * 32, .max_side = 64};
    assert_int_equal(open_pairs(&pairs, "large", &options, &err), 0);
    px_pairs_close(pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("pairs are split in the middle, in the order of names, either way round",
              test_halves),
        CHECK("a broken file is named, with the number of others", test_broken),
        CHECK("Ctrl-C ends the check of the pictures", test_stop),
        CHECK("each mode of preprocessing gives the reference's sizes, or refuses",
              test_preprocess_sizes),
        CHECK("PNGs of 16 bits keep them up to the network", test_16_bits),
        CHECK("broken files, pipes among them, are left out on request, and named",
              test_skip_broken),
        CHECK("a picture too narrow for two is split only on request", test_narrow),
        CHECK("the EXIF orientation of side-by-side pairs is ignored", test_orientation),
        CHECK("pictures over the limits are refused", test_limits),
    };
    return run_data_tests(tests, sizeof tests / sizeof *tests);
}
