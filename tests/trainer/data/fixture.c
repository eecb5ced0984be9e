#include "tests/trainer/data/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"

static char folder[64];

const char *in(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A pair of 8 x 8 pictures: the left half is `left` everywhere, the right one is `right`. */
void save_pair(const char *name, uint8_t left, uint8_t right)
{
    struct px_image image = {0};
    struct px_error err = {0};

    assert_int_equal(px_image_init(&image, 16, 8, 3, &err), 0);
    for (size_t i = 0; i < (size_t)16 * 8; i++)
        memset(image.data + i * 3, i % 16 < 8 ? left : right, 3);
    assert_int_equal(px_image_save(in(name), &image, 90, &err), 0);
    px_image_clear(&image);
}

/* One picture of width x height that is `value` everywhere. */
void save_flat(const char *name, uint32_t width, uint32_t height, uint8_t value)
{
    struct px_image image = {0};
    struct px_error err = {0};

    assert_int_equal(px_image_init(&image, width, height, 3, &err), 0);
    memset(image.data, value, (size_t)width * height * 3);
    assert_int_equal(px_image_save(in(name), &image, 90, &err), 0);
    px_image_clear(&image);
}

void make_folder(const char *name)
{
    struct px_error err = {0};

    assert_int_equal(px_make_folder(in(name), &err), 0);
}

struct px_pairs_options small(void)
{
    return (struct px_pairs_options){.pair = {.preprocess = {.load = 8, .crop = 4, .multiple = 4},
                                              .input_nc = 3,
                                              .output_nc = 3},
                                     .memory_limit = 1 << 20,
                                     .threads = 2};
}

int open_pairs(struct px_pairs **pairs, const char *name, const struct px_pairs_options *options,
               struct px_error *err)
{
    struct px_source source;
    int rc = px_source_at(&source, in(name), err);

    return rc ? rc : px_pairs_open(pairs, &source, options, err);
}

void check_pair(const struct px_pairs *pairs, size_t index, uint8_t input, uint8_t target)
{
    struct px_pair storage = {0};
    const struct px_pair *pair;
    struct px_error err = {0};

    assert_int_equal(px_pairs_get(pairs, index, &storage, &pair, &err), 0);
    assert_int_equal(pair->input.width, 8);
    assert_int_equal(pair->target.height, 8);
    assert_int_equal(pair->input.data[0], input);
    assert_int_equal(pair->target.data[pair->target.channels * 63], target);
    px_pair_clear(&storage);
}

int run_data_tests(const struct CMUnitTest *tests, size_t count)
{
    snprintf(folder, sizeof folder, "/tmp/px-data-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = tap_run(tests, count, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
