#ifndef TRAINER_RANKS_APART_H
#define TRAINER_RANKS_APART_H

/* Work that goes on when this process is killed. After Ctrl-C mpirun gives its processes a second
 * or less and then kills them, with all that they have started; only other sessions escape. */

#include "base/error.h"

/* Runs work(closure, err) in a child process in a session of its own, waits, and returns what it
 * returned. What it does to memory is lost, but for *err. It may not use OpenMP or other threads of
 * this process. Runs it here if no process can be made, or if the child was killed. */
int px_apart_run(int (*work)(void *closure, struct px_error *err), void *closure,
                 struct px_error *err);

#endif
