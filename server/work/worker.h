#ifndef SERVER_WORK_WORKER_H
#define SERVER_WORK_WORKER_H

/* The threads that compute: workers, each with an engine of its own, and codec threads that turn
 * bytes into pixels before them and pixels into bytes behind them. None of them touches a socket;
 * what they finish goes back through job->done. */

#include <signal.h>

#include "base/error.h"
#include "server/work/server.h"

struct px_crew;

/* Starts all threads and returns once every engine has run every model at its own size (so that no
 * request pays for planning). On failure nothing is left running, but for INTERRUPTED: one of the
 * signals `stops`, which are blocked, came before all were warm. An engine cannot be interrupted,
 * so its threads go on, and the process should _exit(). */
int px_crew_start(struct px_crew **out, struct px_server *server, const sigset_t *stops,
                  struct px_error *err);

/* Closes the queue, waits until everything in it is done, ends the threads. Accepts NULL. */
void px_crew_stop(struct px_crew *crew);

#endif
