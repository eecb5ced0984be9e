#ifndef SERVER_WORK_CREW_H
#define SERVER_WORK_CREW_H

/* The threads that compute: workers, each with an engine of its own, and codec threads that turn
 * bytes into pixels before them and pixels into bytes behind them. None of them touches a socket;
 * what they finish goes back through job->done. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "server/work/server.h"

struct px_crew;

/* Starts all threads and returns once every engine has run every model at its own size (so that no
 * request pays for planning). On failure nothing is left running, but for INTERRUPTED: one of the
 * signals `stops`, which are blocked, came before all were warm, and not HUP. An engine cannot be
 * interrupted, so its threads go on, and the process should _exit(). */
int px_crew_start(struct px_crew **out, struct px_server *server, const sigset_t *stops,
                  struct px_error *err);

/* Looks after the workers: updates server->stuck_workers and heartbeat_age_ns, and logs a worker
 * that is stuck. Call a few times a second, from one thread. */
void px_crew_watch(struct px_crew *crew);

/* Closes the queue, waits until everything in it is done, ends the threads. False if that takes
 * longer than until `end_ns` (in px_now_ns()): a thread is stuck, nothing was freed, and the
 * process should _exit(). Accepts NULL. */
bool px_crew_stop(struct px_crew *crew, int64_t end_ns);

#endif
