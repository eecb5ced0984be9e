#include "tests/check.h"

#include <string.h>

#include "codecs/fit.h"

/* A picture whose pixel (x, y) says where it is. */
static struct px_image numbered(uint32_t width, uint32_t height, uint32_t channels)
{
    struct px_image image;

    assert_int_equal(px_image_init(&image, width, height, channels, NULL), 0);
    for (uint32_t i = 0; i < width * height; i++)
        memset(image.data + (size_t)i * channels, (int)((i / width) * 16 + i % width), channels);
    return image;
}

static uint8_t at(const struct px_image *image, uint32_t x, uint32_t y)
{
    return image->data[((size_t)y * image->width + x) * image->channels];
}

static void test_plan(void **state)
{
    static const struct {
        enum px_fit_mode mode;
        uint32_t width, height;
        struct px_fit fit;
    } cases[] = {
        {PX_FIT_MODEL, 300, 200, {256, 256, 256, 256, false}},
        {PX_FIT_SCALE, 300, 200, {256, 256, 300, 200, false}},
        {PX_FIT_IMAGE, 300, 200, {320, 224, 300, 200, true}},
        {PX_FIT_IMAGE, 64, 1, {64, 32, 64, 1, true}},
        {PX_FIT_IMAGE, 65535, 65535, {65536, 65536, 65535, 65535, true}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct px_fit fit;
        px_fit_plan(&fit, cases[i].mode, &(struct px_fit_sides){256, 32, 32}, cases[i].width,
                    cases[i].height);
        assert_int_equal(fit.width, cases[i].fit.width);
        assert_int_equal(fit.height, cases[i].fit.height);
        assert_int_equal(fit.final_width, cases[i].fit.final_width);
        assert_int_equal(fit.final_height, cases[i].fit.final_height);
        assert_int_equal(fit.pad, cases[i].fit.pad);
    }
}

static void test_least(void **state)
{
    static const struct px_fit_sides sides = {256, 4, 8};
    struct px_fit fit;
    (void)state;

    px_fit_plan(&fit, PX_FIT_IMAGE, &sides, 3, 9);
    assert_true(fit.width == 8 && fit.height == 12);
    assert_true(fit.final_width == 3 && fit.final_height == 9);
}

static void test_reflect(void **state)
{
    static const uint8_t columns[8] = {0, 1, 2, 3, 4, 3, 2, 1};
    static const uint8_t rows[8] = {0, 1, 2, 3, 4, 5, 4, 3};
    struct px_image image = numbered(5, 6, 3);
    struct px_fit fit;
    (void)state;

    px_fit_plan(&fit, PX_FIT_IMAGE, &(struct px_fit_sides){256, 8, 8}, 5, 6);
    assert_int_equal(px_fit_input(&fit, &image, NULL), 0);
    assert_true(image.width == 8 && image.height == 8 && image.channels == 3);
    for (uint32_t y = 0; y < 8; y++)
        for (uint32_t x = 0; x < 8; x++)
            assert_int_equal(at(&image, x, y), rows[y] * 16 + columns[x]);
    px_image_clear(&image);
}

/* 3 columns can reflect 2 pixels, not 5; 5 rows can reflect 3: each side decides for itself. */
static void test_edge(void **state)
{
    static const uint8_t columns[8] = {0, 1, 2, 2, 2, 2, 2, 2};
    static const uint8_t rows[8] = {0, 1, 2, 3, 4, 3, 2, 1};
    struct px_image image = numbered(3, 5, 1);
    struct px_fit fit;
    (void)state;

    px_fit_plan(&fit, PX_FIT_IMAGE, &(struct px_fit_sides){256, 8, 8}, 3, 5);
    assert_int_equal(px_fit_input(&fit, &image, NULL), 0);
    for (uint32_t y = 0; y < 8; y++)
        for (uint32_t x = 0; x < 8; x++)
            assert_int_equal(at(&image, x, y), rows[y] * 16 + columns[x]);
    px_image_clear(&image);
}

static void test_one_pixel(void **state)
{
    struct px_image image = numbered(1, 1, 4);
    struct px_fit fit;
    (void)state;

    image.data[2] = 77;
    px_fit_plan(&fit, PX_FIT_IMAGE, &(struct px_fit_sides){256, 32, 32}, 1, 1);
    assert_int_equal(px_fit_input(&fit, &image, NULL), 0);
    assert_true(image.width == 32 && image.height == 32);
    for (uint32_t i = 0; i < 32 * 32; i++)
        assert_int_equal(image.data[4 * i + 2], 77);
    px_image_clear(&image);
}

static void test_crop(void **state)
{
    struct px_image image = numbered(5, 6, 2);
    struct px_fit fit;
    (void)state;

    px_fit_plan(&fit, PX_FIT_IMAGE, &(struct px_fit_sides){256, 8, 8}, 5, 6);
    assert_int_equal(px_fit_input(&fit, &image, NULL), 0);
    assert_int_equal(px_fit_answer(&fit, &image, NULL), 0);
    assert_true(image.width == 5 && image.height == 6 && image.channels == 2);
    for (uint32_t y = 0; y < 6; y++)
        for (uint32_t x = 0; x < 5; x++)
            assert_int_equal(at(&image, x, y), y * 16 + x);
    px_image_clear(&image);
}

static void test_no_copy(void **state)
{
    static const enum px_fit_mode modes[] = {PX_FIT_MODEL, PX_FIT_IMAGE, PX_FIT_SCALE};
    struct px_image image = numbered(8, 8, 3);
    const uint8_t *data = image.data;
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct px_fit fit;
        px_fit_plan(&fit, modes[i], &(struct px_fit_sides){8, 8, 8}, 8, 8);
        assert_int_equal(px_fit_input(&fit, &image, NULL), 0);
        assert_int_equal(px_fit_answer(&fit, &image, NULL), 0);
        assert_ptr_equal(image.data, data);
    }
    px_image_clear(&image);
}

/* A picture of which one side is right already is not right. */
static void test_one_side(void **state)
{
    static const uint32_t sides[][2] = {{8, 5}, {5, 8}};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct px_image image = numbered(sides[i][0], sides[i][1], 1);
        struct px_fit fit;

        px_fit_plan(&fit, PX_FIT_SCALE, &(struct px_fit_sides){8, 8, 8}, sides[i][0], sides[i][1]);
        assert_int_equal(px_fit_input(&fit, &image, NULL), 0);
        assert_true(image.width == 8 && image.height == 8);
        assert_int_equal(px_fit_answer(&fit, &image, NULL), 0);
        assert_true(image.width == sides[i][0] && image.height == sides[i][1]);
        px_image_clear(&image);
    }
}

static void test_scale(void **state)
{
    struct px_image image = numbered(12, 6, 1);
    struct px_fit fit;
    (void)state;

    memset(image.data, 200, 12 * 6);
    px_fit_plan(&fit, PX_FIT_SCALE, &(struct px_fit_sides){8, 8, 8}, 12, 6);
    assert_int_equal(px_fit_input(&fit, &image, NULL), 0);
    assert_true(image.width == 8 && image.height == 8);
    assert_int_equal(px_fit_answer(&fit, &image, NULL), 0);
    assert_true(image.width == 12 && image.height == 6);
    for (uint32_t i = 0; i < 12 * 6; i++)
        assert_int_equal(image.data[i], 200);
    px_image_clear(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("plans all sizes from the picture's size", test_plan),
        CHECK("small pictures are padded to the least size", test_least),
        CHECK("pads by reflection at the right and the bottom", test_reflect),
        CHECK("pads by the edge on a side too small to reflect", test_edge),
        CHECK("pads a single pixel of any channels", test_one_pixel),
        CHECK("crops the answer back to the picture", test_crop),
        CHECK("leaves a picture of the right size alone", test_no_copy),
        CHECK("scales to the square and back", test_scale),
        CHECK("a picture of which one side is right is fitted by the other", test_one_side),
    };
    return cmocka_run_group_tests_name("codecs/fit", tests, NULL, NULL);
}
