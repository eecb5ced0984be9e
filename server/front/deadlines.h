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

struct px_patience;
struct px_waiting; /* a connection */

int px_patience_create(struct px_patience **out, struct px_error *err);
void px_patience_destroy(struct px_patience *patience); /* empty by then; accepts NULL */

/* NULL without memory. There is no deadline yet. */
struct px_waiting *px_patience_add(struct px_patience *patience, int fd);
void px_patience_remove(struct px_patience *patience, struct px_waiting *waiting);

/* The deadline is so many seconds from now; 0: there is none. */
void px_patience_set(struct px_patience *patience, struct px_waiting *waiting, int64_t seconds);

/* Shuts down what is late, once; how many those were. To be called now and then. */
int px_patience_end(struct px_patience *patience);

#endif
