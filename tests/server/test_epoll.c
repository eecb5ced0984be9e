#include "tests/check.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

static void test_absent(void **state)
{
    int set = epoll_create1(0), pair[2];
    struct epoll_event event = {.events = EPOLLIN};
    (void)state;

    assert_int_equal(pipe(pair), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_DEL, pair[0], NULL), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_DEL, pair[0], NULL), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_DEL, pair[0], NULL), 0);
    close(pair[0]);
    close(pair[1]);
    close(set);
}

static void test_others(void **state)
{
    int set = epoll_create1(0), pair[2];
    struct epoll_event event = {.events = EPOLLIN};
    (void)state;

    assert_int_equal(pipe(pair), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_MOD, pair[0], &event), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event), -1);
    assert_int_equal(errno, EEXIST);
    close(pair[0]);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_DEL, pair[0], NULL), -1);
    assert_int_equal(errno, EBADF);
    close(pair[1]);
    close(set);
}

/* libmicrohttpd does nothing about a full batch before it has the next one. */
static void test_full_batch(void **state)
{
    enum { BATCH = 3, FOR_EVER = -1 };
    int set = epoll_create1(0), pairs[BATCH][2];
    struct epoll_event events[BATCH];
    (void)state;

    for (int i = 0; i < BATCH; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        assert_int_equal(pipe(pairs[i]), 0);
        assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, pairs[i][0], &event), 0);
        assert_int_equal(write(pairs[i][1], "", 1), 1);
    }
    alarm(10); /* instead of waiting for ever */
    assert_int_equal(epoll_wait(set, events, BATCH, FOR_EVER), BATCH);
    assert_int_equal(epoll_wait(set, events, BATCH, FOR_EVER), 0);
    assert_int_equal(write(pairs[0][1], "", 1), 1);
    assert_int_equal(epoll_wait(set, events, BATCH, FOR_EVER), 1);
    alarm(0);
    for (int i = 0; i < BATCH; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    close(set);
}

/* As long as it is told to. */
static void test_waits(void **state)
{
    int set = epoll_create1(0);
    struct epoll_event event;
    (void)state;

    int64_t start = px_now_ns();
    assert_int_equal(epoll_wait(set, &event, 1, 30), 0);
    assert_true(px_now_ns() - start >= 29000000);
    close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("what is not in an epoll set can be removed from it", test_absent),
        CHECK("all other failures stay failures", test_others),
        CHECK("after a full batch of events nobody waits for the next one", test_full_batch),
        CHECK("without one a wait is as long as it should be", test_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
