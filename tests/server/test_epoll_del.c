#include "tests/check.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("what is not in an epoll set can be removed from it", test_absent),
        CHECK("all other failures stay failures", test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
