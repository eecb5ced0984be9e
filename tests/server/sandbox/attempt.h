#ifndef TESTS_SERVER_SANDBOX_ATTEMPT_H
#define TESTS_SERVER_SANDBOX_ATTEMPT_H

/* What a process does for good is tried in a child. */

#include "tests/check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* What became of a child: its exit status, or 1000 and the signal that killed it. */
static int run_child(int (*child)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(20);
        _exit(child());
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
