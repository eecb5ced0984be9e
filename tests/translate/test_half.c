#include "tests/check.h"

#include "translate/half.h"

static void test_shape(void **state)
{
    (void)state;
    assert_true(px_half_is_pair(512, 256));
    assert_false(px_half_is_pair(511, 256));
    assert_false(px_half_is_pair(256, 256));
    assert_false(px_half_is_pair(0x80000000u, 0xc0000000u)); /* twice that is 2^31 modulo 2^32 */
}

static void test_direction(void **state)
{
    (void)state;
    assert_false(px_half_is_right("AtoB"));
    assert_true(px_half_is_right("BtoA"));
}

/* Every pixel of a picture of 5x3 holds its column and its row. */
static void test_cut(void **state)
{
    static const uint32_t first[] = {0, 2}, width[] = {2, 3};
    struct px_error err;
    struct px_image pair, half;
    (void)state;

    assert_int_equal(px_image_init(&pair, 5, 3, 2, &err), 0);
    for (uint8_t i = 0; i < 15; i++) {
        pair.data[2 * i] = i % 5;
        pair.data[2 * i + 1] = i / 5;
    }
    for (int right = 0; right < 2; right++) {
        assert_int_equal(px_half_cut(&pair, right, &half, &err), 0);
        assert_int_equal(half.width, width[right]);
        assert_int_equal(half.height, 3);
        assert_int_equal(half.channels, 2);
        for (uint32_t i = 0; i < 3 * half.width; i++) {
            assert_int_equal(half.data[2 * i], first[right] + i % half.width);
            assert_int_equal(half.data[2 * i + 1], i / half.width);
        }
        px_image_clear(&half);
    }
    px_image_clear(&pair);
}

static void test_narrow(void **state)
{
    struct px_error err;
    struct px_image pair, half;
    (void)state;

    assert_int_equal(px_image_init(&pair, 1, 7, 3, &err), 0);
    assert_int_equal(px_half_cut(&pair, true, &half, &err), -PX_E_UNPROCESSABLE);
    assert_string_equal(err.message, "1x7 pixels cannot hold a pair side by side");
    px_image_clear(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("only twice as wide as high is a pair", test_shape),
        CHECK("BtoA reads the right half", test_direction),
        CHECK("the left half is columns 0 to w/2, the right one all others", test_cut),
        CHECK("one column cannot be halved", test_narrow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
