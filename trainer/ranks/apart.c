#include "trainer/ranks/apart.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child leaves, in memory shared with it. */
struct outcome {
    bool done;
    int rc;
    struct px_error err;
};

static void run_child(int (*work)(void *closure, struct px_error *err), void *closure,
                      struct outcome *outcome)
{
    setsid();
    outcome->rc = work(closure, &outcome->err);
    outcome->done = true;
    _exit(0); /* nothing of the parent's is flushed or ended twice */
}

int px_apart_run(int (*work)(void *closure, struct px_error *err), void *closure,
                 struct px_error *err)
{
    struct outcome *outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (outcome == MAP_FAILED)
        return work(closure, err);
    pid_t child = fork();
    if (child == 0)
        run_child(work, closure, outcome);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    bool done = outcome->done;
    int rc = outcome->rc;
    if (done && rc && err)
        *err = outcome->err;
    munmap(outcome, sizeof *outcome);
    return done ? rc : work(closure, err);
}
