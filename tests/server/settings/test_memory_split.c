#include "tests/check.h"

#include "server/settings/memory_split.h"

static const uint64_t MIB = 1048576;

static struct px_memory_split split(uint64_t total_mib, uint64_t weights_mib, int workers)
{
    const struct px_server_settings settings = {.max_body = 20 * MIB};
    const struct px_memory_needs needs = {
        .total = total_mib * MIB, .weights = weights_mib * MIB, .workers = workers};

    return px_memory_split_plan(&settings, &needs);
}

static void test_plenty(void **state)
{
    struct px_memory_split s = split(24 * 1024, 200, 4);
    (void)state;

    assert_int_equal(s.plans, 1024 * MIB);
    assert_int_equal(s.requests, 512 * MIB);
}

/* Weights, program, plans of all workers and twice the requests fit whatever there is. */
static void test_fits(void **state)
{
    (void)state;
    for (uint64_t total = 300; total < 8192; total += 100)
        for (int workers = 1; workers <= 4; workers++) {
            struct px_memory_split s = split(total, 20, workers);
            assert_true(20 * MIB + s.program + s.plans * (uint64_t)workers + 2 * s.requests <=
                        total * MIB);
            assert_true(s.plans >= 16 * MIB);
            assert_true(s.requests >= 20 * MIB);
        }
}

static void test_tiny(void **state)
{
    struct px_memory_split s = split(50, 200, 8);
    (void)state;

    assert_int_equal(s.plans, MIB);
    assert_int_equal(s.requests, 20 * MIB); /* a body of --max-body */
}

static void test_given(void **state)
{
    struct px_server_settings settings = {
        .max_body = 20 * MIB, .memory_limit = 100 * MIB, .request_memory = 30 * MIB};
    const struct px_memory_needs needs = {.total = 300 * MIB, .weights = 20 * MIB, .workers = 2};
    struct px_memory_split s = px_memory_split_plan(&settings, &needs);
    (void)state;

    assert_int_equal(s.plans, 100 * MIB);
    assert_int_equal(s.requests, 30 * MIB);
    settings.memory_limit = 0;
    s = px_memory_split_plan(&settings, &needs);
    assert_int_equal(s.plans, (270 - 64 - 20 - 60) * MIB / 2);
}

static void test_singles(void **state)
{
    const struct px_server_settings settings = {.max_body = 20 * MIB};
    struct px_memory_needs needs = {.total = 24 * 1024 * MIB, .workers = 2};
    struct px_memory_split s = px_memory_split_plan(&settings, &needs);
    (void)state;

    assert_int_equal(s.team, s.plans);
    assert_int_equal(s.single, 0);
    needs.singles = 4;
    s = px_memory_split_plan(&settings, &needs);
    assert_int_equal(s.plans, 1024 * MIB);
    assert_int_equal(s.team, 512 * MIB);
    assert_int_equal(s.single, 128 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("1 GiB for plans and 512 MiB for requests, if there is plenty", test_plenty),
        CHECK("less in a small container, so that it all fits", test_fits),
        CHECK("but never less than one body and a small plan", test_tiny),
        CHECK("what is given stays, the rest follows from it", test_given),
        CHECK("workers of one thread have half of what their team has", test_singles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
