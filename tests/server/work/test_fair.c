#include "tests/check.h"

#include <string.h>

#include "server/work/fair.h"

struct share {
    struct px_fair fair;
    struct px_job jobs[40];
};

static void add_job(struct share *s, size_t i, uint64_t client, uint64_t cost)
{
    s->jobs[i] = (struct px_job){.client = client, .cost = cost, .waiting_since = (int64_t)i};
    px_fair_append(&s->fair, &s->jobs[i]);
}

static void expect_order(struct share *s, const size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(px_fair_first(&s->fair), &s->jobs[order[i]]);
        assert_ptr_equal(px_fair_take(&s->fair), &s->jobs[order[i]]);
    }
}

static void test_one_client(void **state)
{
    static const size_t order[] = {0, 1, 2, 3};
    static struct share s;

    (void)state;
    px_fair_init(&s.fair);
    for (size_t i = 0; i < 4; i++)
        add_job(&s, i, 7, 1 + i % 2 * 100);
    expect_order(&s, order, 4);
    assert_null(px_fair_first(&s.fair));
    assert_int_equal(s.fair.count, 0);
}

static void test_costs(void **state)
{
    /* Three cheap jobs of client 2 for one of client 1's; the first of each come as they came. */
    static const size_t order[] = {0, 2, 3, 4, 1, 5, 6};
    static struct share s;

    (void)state;
    px_fair_init(&s.fair);
    add_job(&s, 0, 1, 30);
    add_job(&s, 1, 1, 30);
    for (size_t i = 2; i < 7; i++)
        add_job(&s, i, 2, 10);
    expect_order(&s, order, 7);
}

static void test_no_credit(void **state)
{
    static const size_t late[] = {20, 10, 21, 11};
    static struct share s;

    (void)state;
    px_fair_init(&s.fair);
    for (size_t i = 0; i < 12; i++)
        add_job(&s, i, 1, 10);
    for (size_t i = 0; i < 10; i++)
        assert_ptr_equal(px_fair_take(&s.fair), &s.jobs[i]);
    /* Client 2 was away for ten jobs, and does not get ten now. */
    add_job(&s, 20, 2, 10);
    add_job(&s, 21, 2, 10);
    expect_order(&s, late, 4);
}

static bool is_even(const struct px_job *job, int64_t now_ns)
{
    (void)now_ns;
    return job->waiting_since % 2 == 0;
}

static void test_remove(void **state)
{
    static struct share s;
    struct px_job_list out;

    (void)state;
    px_fair_init(&s.fair);
    px_job_list_init(&out);
    for (size_t i = 0; i < 9; i++)
        add_job(&s, i, i % 3, 1);
    px_fair_remove_if(&s.fair, is_even, 0, &out);
    assert_int_equal(out.count, 5);
    assert_int_equal(s.fair.count, 4);
    assert_int_equal(px_fair_oldest(&s.fair), 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(px_fair_take(&s.fair)->waiting_since % 2, 1);
    assert_true(px_fair_oldest(&s.fair) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the jobs of one client stay in order", test_one_client),
        CHECK("clients have equal shares of cost, not of jobs", test_costs),
        CHECK("a client that was away has no credit for it", test_no_credit),
        CHECK("jobs are removed from the middle of any flow", test_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
