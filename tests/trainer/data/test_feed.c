#include "tests/trainer/data/fixture.h"

#include <stdio.h>
#include <string.h>

#include "trainer/data/feed.h"

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

enum { BATCH_FLOATS = 2 * 4 * 4 * 3 };

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
    options.pair.preprocess.mode = PX_CROP;
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

    options.pair.central = true;
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
    options.pair.preprocess.mode = PX_NO_PREPROCESS;
    options.pair.preprocess.least = 8;
    options.any_shape = true;
    for (int central = 0; central < 2; central++) {
        options.pair.central = central == 1;
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
        CHECK("pictures are cropped at their own sizes, and measured in the middle", test_crop),
        CHECK("whole pictures keep their sizes, rounded to what the network takes", test_whole),
        CHECK("batches visit each pair once an epoch and do not depend on where a run begins",
              test_feed),
        CHECK("a file that vanishes is an error of its step", test_feed_fails),
    };
    return run_data_tests(tests, sizeof tests / sizeof *tests);
}
