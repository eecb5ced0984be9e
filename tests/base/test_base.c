#include "tests/check.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/random.h"

static void test_fail(void **state)
{
    struct px_error err = {0};
    (void)state;
    assert_int_equal(px_fail(&err, PX_E_TOO_LARGE, "%d bytes\nforged", 7), -PX_E_TOO_LARGE);
    assert_string_equal(err.message, "7 bytes?forged");
    px_error_prefix(&err, "a.png");
    assert_string_equal(err.message, "a.png: 7 bytes?forged");
    assert_int_equal(px_error_status(-PX_E_TOO_LARGE), 413);
    assert_int_equal(px_fail(NULL, PX_E_IO, "not written anywhere"), -PX_E_IO);
}

static void test_exit(void **state)
{
    (void)state;
    assert_int_equal(px_error_exit(0), 0);
    assert_int_equal(px_error_exit(-PX_E_IO), 1);
    assert_int_equal(px_error_exit(-PX_E_USAGE), 2);
    assert_int_equal(px_error_exit(-PX_E_INTERRUPTED), 130);
}

static void test_checked(void **state)
{
    size_t r;
    (void)state;
    assert_false(px_mul(SIZE_MAX / 2, 3, &r));
    assert_false(px_add(SIZE_MAX, 1, &r));
    assert_true(px_mul(6, 7, &r) && r == 42);
}

static void test_random(void **state)
{
    struct px_random a, b;
    unsigned seen[5] = {0};
    double sum = 0, square = 0;
    (void)state;

    px_random_seed(&a, 1);
    px_random_seed(&b, 1);
    for (int i = 0; i < 1000; i++)
        assert_true(px_random_next(&a) == px_random_next(&b));
    for (int i = 0; i < 5000; i++)
        seen[px_random_below(&a, 5)]++;
    for (int i = 0; i < 5; i++)
        assert_in_range(seen[i], 850, 1150); /* 1000 +- 5 sigma */
    for (int i = 0; i < 20000; i++) {
        double x = (double)px_random_normal(&a);
        sum += x;
        square += x * x;
    }
    assert_true(sum / 20000 > -0.04 && sum / 20000 < 0.04); /* 5 sigma of the mean */
    assert_true(square / 20000 > 0.94 && square / 20000 < 1.06);
    assert_true(px_hash(1, 2, 3) == px_hash(1, 2, 3));
    assert_true(px_hash(1, 2, 3) != px_hash(1, 3, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("an error is one line with its code, with or without a struct to fill", test_fail),
        CHECK("results map to the exit statuses 0, 1, 2 and 130", test_exit),
        CHECK("sizes that overflow are seen", test_checked),
        CHECK("random numbers repeat and have the right distribution", test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
