#include "tests/check.h"

#include "server/work/pace.h"

static const int64_t MS = 1000000, SECOND = 1000000000;

static const bool SINGLE = false, TEAM = true;

static void run(struct px_pace *pace, int times, bool team, int ms)
{
    for (int i = 0; i < times; i++)
        px_pace_record(pace, team, ms * MS, 0);
}

/* A team takes 60 ms, one thread 110. */
static struct px_pace quiet(void)
{
    struct px_pace pace = {0};

    run(&pace, 4, TEAM, 60);
    run(&pace, 1, SINGLE, 110);
    return pace;
}

/* How many of `count` runs go to the team, if it and one thread take so long. */
static int team_runs(struct px_pace *pace, int count, int team_ms, int single_ms)
{
    int n = 0;

    for (int i = 0; i < count; i++) {
        bool team = px_pace_prefers_team(pace, 0);
        px_pace_record(pace, team, (team ? team_ms : single_ms) * MS, 0);
        n += team;
    }
    return n;
}

static void test_unknown(void **state)
{
    struct px_pace pace = {0};
    (void)state;

    for (int i = 0; i < 4; i++) {
        assert_true(px_pace_prefers_team(&pace, 0));
        run(&pace, 1, TEAM, 60);
    }
    assert_false(px_pace_prefers_team(&pace, 0)); /* time to see what one thread takes */
    run(&pace, 1, SINGLE, 110);
    assert_true(px_pace_prefers_team(&pace, 0));
}

static void test_quiet(void **state)
{
    struct px_pace pace = quiet();
    (void)state;

    assert_true(team_runs(&pace, 1000, 60, 110) >= 995);
    assert_true(px_pace_prefers_team(&pace, 3600 * SECOND)); /* also the first after an hour */
}

static void test_slow_from_the_start(void **state)
{
    struct px_pace pace = {0};
    (void)state;

    assert_in_range(team_runs(&pace, 1000, 43, 15), 4, 20);
}

static void test_neighbour(void **state)
{
    struct px_pace pace = quiet();
    (void)state;

    run(&pace, 8, TEAM, 60);
    run(&pace, 1, TEAM, 400); /* one slow run is nothing */
    assert_true(px_pace_prefers_team(&pace, 0));
    assert_in_range(team_runs(&pace, 1000, 400, 112), 2, 1000 / 100);
}

/* One thread takes longer beside others, too. */
static void test_both_slow(void **state)
{
    struct px_pace pace = quiet();
    (void)state;

    assert_true(team_runs(&pace, 1000, 150, 210) >= 940);
    assert_in_range(team_runs(&pace, 1000, 300, 210), 20, 60);
}

static void test_comes_back(void **state)
{
    struct px_pace pace = quiet();
    int until = 0;
    (void)state;

    team_runs(&pace, 100, 150, 110);
    while (!px_pace_prefers_team(&pace, 0)) {
        run(&pace, 1, SINGLE, 110);
        until++;
    }
    assert_in_range(until, 0, 50); /* it was a third slower: 2 % of the time are 1 in 18 */
    assert_int_equal(team_runs(&pace, 100, 60, 110), 100);
}

/* For clients that ask now and then. */
static void test_seconds(void **state)
{
    struct px_pace pace = quiet();
    (void)state;

    team_runs(&pace, 100, 1000, 110);
    assert_false(px_pace_prefers_team(&pace, 60 * SECOND));
    assert_true(px_pace_prefers_team(&pace, 400 * SECOND));
}

/* One that took seconds, for whatever reason, is tried again all the same. */
static void test_outlier(void **state)
{
    struct px_pace pace = {0};
    (void)state;

    run(&pace, 4, TEAM, 40);
    run(&pace, 1, SINGLE, 60000);
    assert_true(team_runs(&pace, 401, 40, 15) < 401);
    assert_in_range(team_runs(&pace, 1000, 40, 15), 0, 20);
}

static void test_table(void **state)
{
    static struct px_pace_table table;
    static const int models[200];
    const struct px_pace_kind kind = {&models[0], 256, 256}, wide = {&models[0], 256, 512};
    (void)state;

    px_pace_record(px_pace_find(&table, &kind), TEAM, 7, 0);
    assert_int_equal(px_pace_find(&table, &kind)->times[TEAM].mean, 7);
    assert_int_equal(px_pace_find(&table, &wide)->times[TEAM].runs, 0);
    for (int i = 1; i < 200; i++) /* more than there is room for */
        assert_int_equal(
            px_pace_find(&table, &(struct px_pace_kind){&models[i], 256, 256})->times[TEAM].runs,
            0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a team is preferred until it has run four times, then one thread is tried",
              test_unknown),
        CHECK("a team that is quicker than one thread ever was runs nearly always", test_quiet),
        CHECK("a team that takes longer than one thread hardly runs", test_neighbour),
        CHECK("also if it never was quicker", test_slow_from_the_start),
        CHECK("what counts is which is quicker now", test_both_slow),
        CHECK("a team whose CPUs are free again comes back with its first try", test_comes_back),
        CHECK("seconds count as runs", test_seconds),
        CHECK("a single run of any length is tried again", test_outlier),
        CHECK("every kind of picture has a pace of its own", test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
