#ifndef SERVER_FRONT_DEADLINES_H
#define SERVER_FRONT_DEADLINES_H

/* Deadlines of connections. libmicrohttpd's own timeout starts anew with every byte, so a client
 * that sends one now and then would keep its connection for ever. A connection whose deadline has
 * passed is shut down; the library notices and closes it.
 *
 * Every function may be called from any thread; between add and remove the descriptor must stay
 * open. */

#include <stdint.h>

#include "base/error.h"

struct px_deadlines;
struct px_deadline; /* a connection */

int px_deadlines_create(struct px_deadlines **out, struct px_error *err);
void px_deadlines_destroy(struct px_deadlines *deadlines); /* empty by then; accepts NULL */

/* NULL without memory. There is no deadline yet. */
struct px_deadline *px_deadlines_add(struct px_deadlines *deadlines, int fd);
void px_deadlines_remove(struct px_deadlines *deadlines, struct px_deadline *deadline);

/* The deadline is so many seconds from now; 0: there is none. */
void px_deadlines_set(struct px_deadlines *deadlines, struct px_deadline *deadline,
                      int64_t seconds);

/* Shuts down what is late, once; how many those were. To be called now and then. */
int px_deadlines_end(struct px_deadlines *deadlines);

#endif
