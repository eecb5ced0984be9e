#include "tests/check.h"

#include <stdbool.h>
#include <string.h>

#include "trainer/data/augment.h"

static void assert_near(double a, double b)
{
    assert_true(a - b < 1e-12 && b - a < 1e-12);
}

static void test_draw(void **state)
{
    bool seen[31] = {false};
    int flips = 0;
    const struct px_augment_slack room = {30, 30, true}, unflip = {30, 30, false};
    (void)state;

    for (uint64_t i = 0; i < 2000; i++) {
        struct px_augment a = px_augment_draw(7, i, &room);
        struct px_augment again = px_augment_draw(7, i, &room);
        assert_true(a.x == again.x && a.y == again.y && a.flip == again.flip);
        assert_true(a.x <= 30 && a.y <= 30);
        seen[a.x] = true;
        flips += a.flip;
        struct px_augment unflipped = px_augment_draw(7, i, &unflip);
        assert_true(!unflipped.flip && unflipped.x == a.x && unflipped.y == a.y);
    }
    for (int i = 0; i <= 30; i++)
        assert_true(seen[i]);
    assert_in_range(flips, 880, 1120); /* 1000 +- 5 sigma */
}

static void test_apply(void **state)
{
    uint8_t pixels[4 * 3 * 2];
    struct px_picture image = {4, 3, 2, pixels, NULL};
    struct px_augment augment = {1, 1, false};
    float out[2 * 2 * 2];
    (void)state;

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 10);
    px_augment_apply(&augment, &image, 2, 2, out);
    for (int c = 0; c < 2; c++) {
        assert_near((double)out[c], (double)((float)(100 + 10 * c) / 127.5f - 1.0f));
        assert_near((double)out[2 + c], (double)((float)(120 + 10 * c) / 127.5f - 1.0f));
        assert_near((double)out[4 + c], (double)((float)(180 + 10 * c) / 127.5f - 1.0f));
    }
    float flipped[2 * 2 * 2];
    augment.flip = true;
    px_augment_apply(&augment, &image, 2, 2, flipped);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 2; x++)
            for (int c = 0; c < 2; c++)
                assert_near((double)flipped[(y * 2 + x) * 2 + c],
                            (double)out[(y * 2 + 1 - x) * 2 + c]);
}

static void test_order(void **state)
{
    enum { N = 50 };
    uint32_t first[N], again[N], second[N];
    bool seen[N] = {false};
    (void)state;

    px_augment_order(1, 0, first, N);
    px_augment_order(1, 0, again, N);
    px_augment_order(1, 1, second, N);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    for (int i = 0; i < N; i++) {
        assert_true(first[i] < N && !seen[first[i]]);
        seen[first[i]] = true;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("crops reach both ends, half are mirrored, and a sample always draws the same",
              test_draw),
        CHECK("a crop is cut, mirrored and scaled to [-1, 1]", test_apply),
        CHECK("an epoch's order is a permutation that depends on seed and epoch", test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
