#include "tests/check.h"

#include <math.h>
#include <string.h>

#include "tools/evaluate/colours.h"
#include "tools/evaluate/labels.h"
#include "tools/evaluate/scores.h"

enum { SIDE = 16 };

static struct px_image flat(uint8_t r, uint8_t g, uint8_t b)
{
    struct px_image image;

    assert_int_equal(px_image_init(&image, SIDE, SIDE, 3, NULL), 0);
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
        memcpy(image.data + 3 * i, (const uint8_t[3]){r, g, b}, 3);
    return image;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void test_scores(void **state)
{
    struct px_image target = flat(100, 100, 100), picture = flat(110, 100, 100);
    struct px_scores scores, constant;
    struct px_means means = {0};
    (void)state;

    assert_int_equal(px_scores_compare(&picture, &target, &scores, NULL), 0);
    assert_true(near(scores.of[PX_METRIC_L1], 10 / 3.0 / 127.5));
    assert_true(isnan(scores.of[PX_METRIC_MS_SSIM])); /* 16 pixels are too few for five scales */
    assert_int_equal(
        px_scores_constant((const double[4]){100.4, 99.6, 100}, &target, &constant, NULL), 0);
    assert_true(near(constant.of[PX_METRIC_L1], 0));
    assert_true(near(constant.of[PX_METRIC_PSNR], 100));
    px_means_add(&means, &scores);
    px_means_add(&means, &constant);
    assert_true(near(px_means_get(&means, PX_METRIC_L1), 5 / 3.0 / 127.5));
    assert_true(isnan(px_means_get(&means, PX_METRIC_MS_SSIM)));
    px_image_clear(&target);
    px_image_clear(&picture);
}

static void test_colours(void **state)
{
    struct px_image grey = flat(119, 119, 119), red = flat(255, 0, 0);
    static struct px_colours a, b, both, none;
    (void)state;

    px_colours_add(&a, &grey);
    px_colours_add(&b, &red);
    px_colours_add(&both, &grey);
    px_colours_add(&both, &red);
    for (int axis = 0; axis < PX_COLOUR_AXES; axis++) {
        enum px_colour_axis x = (enum px_colour_axis)axis;
        assert_true(near(px_colours_intersection(&a, &a, x), 1));
        assert_true(near(px_colours_intersection(&a, &none, x), 0));
        assert_true(near(px_colours_intersection(&a, &both, x), 0.5) || x == PX_COLOUR_L);
    }
    assert_true(near(px_colours_intersection(&a, &b, PX_COLOUR_A), 0));
    px_image_clear(&grey);
    px_image_clear(&red);
}

/* Half the picture door, half wall; found: all wall. */
static void test_labels(void **state)
{
    struct px_image truth = flat(0x0d, 0x3d, 0xfb), found = flat(0x0d + 9, 0x3d, 0xfb - 9),
                    photo = flat(120, 130, 90);
    static struct px_confusion confusion, empty;
    struct px_palette cmp;
    (void)state;

    assert_int_equal(px_palette_open(&cmp, "cmp", NULL), 0);
    for (size_t i = 0; i < (size_t)SIDE * SIDE / 2; i++)
        memcpy(truth.data + 3 * i, (const uint8_t[3]){0xa5, 0, 0}, 3);
    assert_true(px_labels_is_map(&cmp, &truth));
    assert_true(px_labels_is_map(&cmp, &found));
    assert_false(px_labels_is_map(&cmp, &photo));
    px_confusion_add(&confusion, &cmp, &truth, &found);
    const struct px_label_scores s = px_confusion_scores(&confusion, &cmp);
    assert_true(near(s.pixel, 0.5));
    assert_true(near(s.class_mean, 0.5)); /* wall 1, door 0 */
    assert_true(near(s.iou, 0.25));       /* wall 1/2, door 0 */
    assert_true(isnan(px_confusion_scores(&empty, &cmp).pixel));
    px_image_clear(&truth);
    px_image_clear(&found);
    px_image_clear(&photo);
}

/* A quarter void, a quarter sky, half road; found: road, but void in the first eighth and in the
 * last. */
static void test_void(void **state)
{
    struct px_image truth = flat(128, 64, 128), found = flat(128, 64, 128);
    static struct px_confusion confusion;
    struct px_palette palette;
    (void)state;

    assert_int_equal(px_palette_open(&palette, "cityscapes", NULL), 0);
    memset(truth.data, 0, SIDE * SIDE / 4 * 3);
    for (size_t i = SIDE * SIDE / 4; i < SIDE * SIDE / 2; i++)
        memcpy(truth.data + 3 * i, (const uint8_t[3]){70, 130, 180}, 3);
    memset(found.data, 0, SIDE * SIDE / 8 * 3);
    memset(found.data + SIDE * SIDE * 7 / 8 * 3, 0, SIDE * SIDE / 8 * 3);
    px_confusion_add(&confusion, &palette, &truth, &found);
    const struct px_label_scores s = px_confusion_scores(&confusion, &palette);
    assert_true(near(s.pixel, 0.5));                       /* 3/8 of 6/8 */
    assert_true(near(s.class_mean, 0.375));                /* road 3/4, sky 0 */
    assert_true(near(s.iou, 0.5 * (3.0 / 8) / (6.0 / 8))); /* road 3/6, sky 0 */
    px_image_clear(&truth);
    px_image_clear(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("scores are those of codecs/quality.h, and means skip what has no value",
              test_scores),
        CHECK("distributions of colours have in common what both have", test_colours),
        CHECK("label maps are recognised and compared per pixel, per class and by union",
              test_labels),
        CHECK("pixels that are truly void are not scored", test_void),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
