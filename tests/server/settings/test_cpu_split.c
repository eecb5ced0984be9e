#include "tests/check.h"

#include "server/settings/cpu_split.h"

static struct px_cpu_split share(int64_t workers, int64_t threads, int cpus)
{
    const struct px_server_settings settings = {.workers = workers, .threads_per_worker = threads};

    return px_cpu_split_plan(&settings, cpus);
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
    check(share(0, 0, 1), 1, 1, false, 1);
    check(share(0, 0, 2), 1, 2, false, 2);
    check(share(0, 0, 3), 1, 3, false, 3);
    check(share(0, 0, 4), 1, 4, false, 4);
    check(share(0, 0, 7), 1, 7, false, 7);
    check(share(0, 0, 8), 2, 4, true, 8);
    check(share(0, 0, 11), 2, 5, true, 8);
    check(share(0, 0, 64), 16, 4, true, 8);
}

static void test_given(void **state)
{
    (void)state;
    check(share(1, 0, 4), 1, 4, false, 4); /* a single team is not pinned */
    check(share(4, 0, 4), 4, 1, true, 4);
    check(share(3, 0, 4), 3, 1, true, 4);
    check(share(0, 1, 4), 4, 1, true, 4);
    check(share(0, 3, 4), 1, 3, false, 4);
    check(share(0, 8, 4), 1, 8, false, 4);
    check(share(8, 0, 4), 8, 1, false, 4); /* more than there are CPUs: nor are these */
    check(share(2, 4, 4), 2, 4, false, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("one worker takes the CPUs, from eight on one each four", test_default),
        CHECK("what is given stays, the rest follows from it", test_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
