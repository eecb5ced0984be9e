#include "tests/check.h"

#include <string.h>

#include "server/work/admission.h"

static const int64_t MS = 1000000;

/* Twenty jobs, one every 10 ms. */
static struct px_admission measured(void)
{
    struct px_admission admission = {.limit = 1000, .always = 8, .max_wait_ns = 2000 * MS};

    for (int i = 1; i <= 20; i++)
        px_admission_record(&admission, i * 10 * MS, false, 5);
    return admission;
}

static int check(const struct px_admission *admission, size_t waiting, int64_t allowance_ns)
{
    /* Many clients, so that none has its share. */
    const struct px_admission_load load = {.waiting = waiting, .own = 0, .clients = waiting + 1};

    return px_admission_check(admission, &load, allowance_ns, NULL);
}

static void test_time(void **state)
{
    const struct px_admission admission = measured();

    (void)state;
    assert_int_equal(check(&admission, 199, 0), 0);
    assert_int_equal(check(&admission, 200, 0), -PX_E_BUSY);
}

static void test_unknown_rate(void **state)
{
    struct px_admission admission = {.limit = 10, .always = 8, .max_wait_ns = 1};

    (void)state;
    assert_int_equal(check(&admission, 9, 0), 0);
    assert_int_equal(check(&admission, 10, 0), -PX_E_BUSY);
    assert_int_equal(px_admission_retry_seconds(&admission, 10), 1);
}

static void test_slow_machine(void **state)
{
    struct px_admission admission = measured();

    (void)state;
    admission.interval_ns = 5000 * MS;
    assert_int_equal(check(&admission, 7, 0), 0);
    assert_int_equal(check(&admission, 8, 0), -PX_E_BUSY);
}

static void test_allowance(void **state)
{
    const struct px_admission admission = measured();
    struct px_admission_load load = {.waiting = 100, .own = 50, .clients = 2};

    (void)state;
    assert_int_equal(check(&admission, 100, 1011 * MS), 0);
    assert_int_equal(check(&admission, 100, 1009 * MS), -PX_E_BUSY);
    /* One that need not wait is not judged by the others'. */
    assert_int_equal(check(&admission, 0, 1 * MS), 0);
    /* A client with one request waits for its turn only, not for all the others'. */
    load.own = 1;
    assert_int_equal(px_admission_check(&admission, &load, 100 * MS, NULL), 0);
}

static void test_idle_says_nothing(void **state)
{
    struct px_admission admission = {.limit = 10};

    (void)state;
    px_admission_record(&admission, 1000 * MS, false, 0);
    px_admission_record(&admission, 9000 * MS, false, 1);
    assert_int_equal(admission.interval_ns, 0);
    px_admission_record(&admission, 9007 * MS, false, 5);
    assert_int_equal(admission.interval_ns, 7 * MS);
    px_admission_record(&admission, 9008 * MS, true, 5); /* nothing was done for this one */
    assert_int_equal(admission.interval_ns, 7 * MS);
}

static void test_retry(void **state)
{
    struct px_admission admission = measured();

    (void)state;
    assert_int_equal(px_admission_retry_seconds(&admission, 0), 1);
    assert_int_equal(px_admission_retry_seconds(&admission, 100), 1);
    assert_int_equal(px_admission_retry_seconds(&admission, 150), 2);
    assert_int_equal(px_admission_retry_seconds(&admission, 1000000), 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("no more may wait than are worked off in time", test_time),
        CHECK("before the rate is known only the number counts", test_unknown_rate),
        CHECK("on a slow machine some may still wait", test_slow_machine),
        CHECK("what cannot be answered within its time is refused", test_allowance),
        CHECK("the rate is measured while there is something to do", test_idle_says_nothing),
        CHECK("clients are told to come back when those that wait are done", test_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
