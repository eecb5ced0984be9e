#include "tests/check.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trainer/ranks/apart.h"

/* Fails with its process and session. */
static int report_process(void *closure, struct px_error *err)
{
    (void)closure;
    return px_fail(err, PX_E_IO, "%d %d", getpid(), getsid(0));
}

static void test_result(void **state)
{
    struct px_error err = {0};
    int pid, session;
    (void)state;

    assert_int_equal(px_apart_run(report_process, NULL, &err), -PX_E_IO);
    assert_int_equal(sscanf(err.message, "%d %d", &pid, &session), 2);
    assert_int_not_equal(pid, getpid());
    assert_int_equal(session, pid);
    assert_int_equal(waitpid(-1, NULL, 0), -1); /* nothing is left behind */
    assert_int_equal(errno, ECHILD);
}

/* Says that it has begun, and after a while that it is done. */
static int write_late(void *closure, struct px_error *err)
{
    const int *ends = closure;
    (void)err;

    bool written = write(ends[1], "b", 1) == 1;
    usleep(300000);
    return written && write(ends[1], "d", 1) == 1 ? 0 : -PX_E_IO;
}

static void test_outlives(void **state)
{
    int ends[2], status;
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(ends), 0);
    pid_t process = fork();
    if (process == 0) {
        setpgid(0, 0);
        px_apart_run(write_late, ends, NULL);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(-process, SIGKILL), 0);
    waitpid(process, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'd');
    close(ends[0]);
}

/* Ends a process that is not the closure's. */
static int die_elsewhere(void *closure, struct px_error *err)
{
    (void)err;
    if (getpid() != *(const pid_t *)closure)
        raise(SIGKILL);
    *(pid_t *)closure = 0;
    return 0;
}

static void test_falls_back(void **state)
{
    pid_t here = getpid();
    (void)state;

    assert_int_equal(px_apart_run(die_elsewhere, &here, NULL), 0);
    assert_int_equal(here, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("work is done in a session of its own, and its error comes back", test_result),
        CHECK("it goes on when all processes of the group are killed", test_outlives),
        CHECK("where a child cannot do it, it is done here", test_falls_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
