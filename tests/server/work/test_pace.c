#include "tests/check.h"

#include "server/work/pace.h"

static const int64_t MS = 1000000, SECOND = 1000000000;

static struct px_pace run_team(int first_ms, int times, int ms)
{
    struct px_pace pace = {0};

    px_pace_record_team(&pace, 2, first_ms * MS, 0);
    for (int i = 0; i < times; i++)
        px_pace_record_team(&pace, 2, ms * MS, 0);
    return pace;
}

static void test_unknown(void **state)
{
    struct px_pace pace = {0};
    (void)state;

    assert_true(px_pace_prefers_team(&pace, 2, 0));
    pace = run_team(5000, 0, 0); /* the run that makes plans */
    assert_true(px_pace_prefers_team(&pace, 2, 0));
    px_pace_record_single(&pace, 5000 * MS);
    assert_int_equal(pace.single_ns, 0);
    pace = run_team(5000, 3, 60);
    assert_int_equal(pace.team_ns, 60 * MS);
    assert_true(px_pace_prefers_team(&pace, 2, 0));
    px_pace_record_team(&pace, 2, 60 * MS, 0);
    for (int i = 0; i < 2; i++) { /* time to see what one thread takes */
        assert_false(px_pace_prefers_team(&pace, 2, 0));
        px_pace_record_single(&pace, 110 * MS);
    }
    for (int i = 0; i < 1000; i++) {
        assert_true(px_pace_prefers_team(&pace, 2, 0));
        px_pace_record_team(&pace, 2, 60 * MS, 0);
    }
}

/* A daemon that starts beside a busy process never saw its team at its best. */
static void test_slow_from_the_start(void **state)
{
    struct px_pace pace = run_team(60, 4, 43);
    (void)state;

    for (int i = 0; i < 2; i++) {
        assert_false(px_pace_prefers_team(&pace, 2, 0));
        px_pace_record_single(&pace, 15 * MS);
    }
    px_pace_record_team(&pace, 2, 43 * MS, 0); /* one more try */
    assert_false(px_pace_prefers_team(&pace, 2, 0));
}

static void test_measures_again(void **state)
{
    struct px_pace pace = run_team(60, 1, 60);
    int runs = 0;
    (void)state;

    for (int i = 0; i < 2; i++)
        px_pace_record_single(&pace, 400 * MS); /* in a bad moment */
    while (px_pace_prefers_team(&pace, 2, 0) && runs < 1000) {
        px_pace_record_team(&pace, 2, 150 * MS, 0);
        runs++;
    }
    assert_int_equal(runs, 64);
    for (int i = 0; i < 3; i++)
        px_pace_record_single(&pace, 110 * MS);
    px_pace_record_team(&pace, 2, 150 * MS, 0);
    px_pace_record_single(&pace, 110 * MS);
    assert_false(px_pace_prefers_team(&pace, 2, 0));
}

static void test_neighbour(void **state)
{
    struct px_pace pace = run_team(60, 2, 60);
    (void)state;

    px_pace_record_team(&pace, 2, 130 * MS, SECOND); /* one slow run is nothing */
    assert_true(px_pace_prefers_team(&pace, 2, SECOND));
    for (int i = 0; i < 3; i++)
        px_pace_record_team(&pace, 2, 400 * MS, SECOND);
    assert_false(px_pace_prefers_team(&pace, 2, SECOND)); /* two threads took 60: one, 120 */
    px_pace_record_single(&pace, 500 * MS);               /* its first run */
    px_pace_record_single(&pace, 500 * MS);
    assert_true(px_pace_prefers_team(&pace, 2, SECOND)); /* one thread has it no better */
    for (int i = 0; i < 3; i++)
        px_pace_record_single(&pace, 110 * MS);
    assert_false(px_pace_prefers_team(&pace, 2, SECOND));
}

static void test_tries_again(void **state)
{
    struct px_pace pace = run_team(60, 2, 60);
    int64_t now = 0;
    (void)state;

    for (int i = 0; i < 2; i++)
        px_pace_record_single(&pace, 120 * MS);
    while (px_pace_prefers_team(&pace, 2, now))
        px_pace_record_team(&pace, 2, 500 * MS, now);
    for (int seconds = 1; seconds <= 64; seconds *= 2) {
        int64_t pause = (seconds < 32 ? seconds : 32) * SECOND;
        assert_false(px_pace_prefers_team(&pace, 2, now + pause - 1));
        now += pause;
        assert_true(px_pace_prefers_team(&pace, 2, now));
        px_pace_record_team(&pace, 2, 500 * MS, now);
    }
    /* The neighbour is gone: three quick runs and the team is back. */
    for (int i = 0; i < 3; i++)
        px_pace_record_team(&pace, 2, 60 * MS, now);
    assert_true(px_pace_prefers_team(&pace, 2, now));
    assert_int_equal(pace.pause_ns, 0);
}

static void test_table(void **state)
{
    static struct px_pace_table table;
    static const int models[200];
    const struct px_pace_kind kind = {&models[0], 256, 256}, wide = {&models[0], 256, 512};
    (void)state;

    px_pace_record_single(px_pace_find(&table, &kind), 7);
    px_pace_record_single(px_pace_find(&table, &kind), 7);
    assert_int_equal(px_pace_find(&table, &kind)->single_ns, 7);
    assert_int_equal(px_pace_find(&table, &wide)->single_ns, 0);
    for (int i = 1; i < 200; i++) /* more than there is room for */
        assert_int_equal(
            px_pace_find(&table, &(struct px_pace_kind){&models[i], 256, 256})->single_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a team is preferred until its pace is known, and its first run does not count",
              test_unknown),
        CHECK("a team that takes longer than one thread is not", test_neighbour),
        CHECK("also if it never was quicker", test_slow_from_the_start),
        CHECK("what one thread takes is measured again while the team is slow",
              test_measures_again),
        CHECK("it is tried again after one second, two, four ... and comes back", test_tries_again),
        CHECK("every kind of picture has a pace of its own", test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
