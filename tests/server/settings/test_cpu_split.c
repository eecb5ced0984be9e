#include "tests/check.h"

#include "server/settings/cpu_split.h"

/* On a machine of twice the CPUs, so that those of the mask are the process's own. */
static struct px_cpu_split share(int64_t workers, int64_t threads, int cpus)
{
    const struct px_server_settings settings = {.workers = workers, .threads_per_worker = threads};
    const struct px_cpus own = {.machine = 2 * cpus, .mask = cpus, .usable = cpus};

    return px_cpu_split_plan(&settings, &own);
}

static void check(struct px_cpu_split got, int workers, int threads, bool pin, int codecs)
{
    assert_int_equal(got.workers, workers);
    assert_int_equal(got.threads, threads);
    assert_int_equal(got.pin, pin);
    assert_int_equal(got.codecs, codecs);
}

static void test_default(void **state)
{
    (void)state;
    check(share(0, 0, 1), 1, 1, false, 2);
    check(share(0, 0, 2), 1, 2, false, 3);
    check(share(0, 0, 3), 1, 3, false, 4);
    check(share(0, 0, 4), 1, 4, false, 5);
    check(share(0, 0, 7), 1, 7, false, 8);
    check(share(0, 0, 8), 2, 4, true, 9);
    check(share(0, 0, 11), 2, 4, true, 9);
    check(share(0, 0, 64), 16, 4, true, 9);
}

static void test_elastic(void **state)
{
    (void)state;
    assert_false(share(0, 0, 1).elastic); /* nothing to choose from */
    assert_true(share(0, 0, 2).elastic);
    assert_false(share(0, 0, 3).elastic); /* three threads may give other bits than one */
    assert_true(share(0, 0, 4).elastic);
    assert_false(share(0, 0, 7).elastic);
    assert_true(share(0, 0, 11).elastic);
    assert_false(share(1, 0, 2).elastic);
    assert_false(share(0, 2, 2).elastic);
    struct px_cpu_split split = share(0, 0, 8);
    assert_int_equal(px_cpu_split_workers(&split), 2 + 8);
    split = share(2, 4, 8);
    assert_int_equal(px_cpu_split_workers(&split), 2);
}

static void test_given(void **state)
{
    (void)state;
    check(share(1, 0, 4), 1, 4, false, 5); /* a single team is not pinned */
    check(share(4, 0, 4), 4, 1, true, 5);
    check(share(3, 0, 4), 3, 1, true, 5);
    check(share(0, 1, 4), 4, 1, true, 5);
    check(share(0, 3, 4), 1, 3, false, 5);
    check(share(0, 8, 4), 1, 8, false, 5);
    check(share(8, 0, 4), 8, 1, false, 5); /* more than there are CPUs: nor are these */
    check(share(2, 4, 4), 2, 4, false, 5);
}

static void test_pin(void **state)
{
    struct px_server_settings settings = {.workers = 2, .threads_per_worker = 2};
    const struct px_cpus whole = {.machine = 8, .mask = 8, .usable = 8};
    const struct px_cpus quota = {.machine = 64, .mask = 32, .usable = 4};
    (void)state;

    assert_false(px_cpu_split_plan(&settings, &whole).pin); /* another daemon may do the same */
    assert_false(px_cpu_split_plan(&settings, &quota).pin);
    settings.pin = true;
    assert_true(px_cpu_split_plan(&settings, &whole).pin);
    assert_true(px_cpu_split_plan(&settings, &quota).pin);
    settings.workers = 1;
    assert_false(px_cpu_split_plan(&settings, &whole).pin);
}

static void test_quota(void **state)
{
    struct px_server_settings settings = {.workers = 0};
    const struct px_cpus quota = {.machine = 64, .mask = 64, .usable = 2};
    (void)state;

    check(px_cpu_split_plan(&settings, &quota), 1, 2, false, 3);
    settings.cpus = 8;
    check(px_cpu_split_plan(&settings, &quota), 2, 4, false, 9);
    assert_int_equal(px_cpu_split_plan(&settings, &quota).cpus, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("one worker takes the CPUs, from eight on one each four", test_default),
        CHECK("teams of two or four get workers of one thread beside them, unless told otherwise",
              test_elastic),
        CHECK("what is given stays, the rest follows from it", test_given),
        CHECK("pins only to CPUs of its own, or if told to", test_pin),
        CHECK("a quota counts, and --cpus before it", test_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
