#ifndef SERVER_FRONT_CONNECTION_DEADLINES_H
#define SERVER_FRONT_CONNECTION_DEADLINES_H

/* How long connections may stay. libmicrohttpd has one timeout, which starts anew with every byte,
 * and in its epoll mode it misses clients that leave right behind their last byte. So every
 * connection has an absolute deadline here and, while its client is to send or take something, a
 * least rate; and clients that are gone are looked for. A connection that must end is shut down,
 * which the library notices and closes.
 *
 * Every function may be called from any thread; between add and remove the descriptor must stay
 * open. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct px_deadlines;
struct px_deadline; /* a connection */

/* What a connection is waiting for. */
enum px_phase {
    PX_PHASE_IDLE,    /* the next request's header */
    PX_PHASE_READING, /* the body */
    PX_PHASE_SENDING, /* its client to take the answer */
    PX_PHASE_WORKING, /* us: never ended here, but see px_deadlines_work() */
    PX_PHASE_COUNT,
};

struct px_deadlines_options {
    size_t max_connections; /* from nine tenths of it on, connections are ended for new ones */
    uint64_t min_rate;      /* bytes a second, each way, over PX_RATE_SECONDS; 0: none */
};

enum { PX_RATE_SECONDS = 5 };

int px_deadlines_create(struct px_deadlines **out, const struct px_deadlines_options *options,
                        struct px_error *err);
void px_deadlines_destroy(struct px_deadlines *deadlines); /* empty by then; accepts NULL */

/* Adds a connection in phase IDLE, without deadline. Near the limit this ends another: the one that
 * has been idle for longest, or else reading or sending for longest. NULL without memory. */
struct px_deadline *px_deadlines_add(struct px_deadlines *deadlines, int fd);
void px_deadlines_remove(struct px_deadlines *deadlines, struct px_deadline *deadline);

/* The connection enters a phase, with a deadline in `seconds` from now; 0: none. */
void px_deadlines_set(struct px_deadlines *deadlines, struct px_deadline *deadline,
                      enum px_phase phase, int64_t seconds);

/* Called when the client of a connection leaves while we work for it. */
struct px_deadline_owner {
    void (*gone)(void *closure); /* called at most once, under the lock of all deadlines */
    void *closure;
    bool is_http_1_1; /* the client understands interim answers */
};

/* The connection enters phase WORKING, without deadline; nothing is written to it until it leaves
 * that phase. A client that has closed its sending side may be gone or only have nothing more to
 * say; one that speaks HTTP/1.1 is then sent "100 Continue" once, which is harmless, and breaks the
 * connection of one that is gone. */
void px_deadlines_work(struct px_deadlines *deadlines, struct px_deadline *deadline,
                       const struct px_deadline_owner *owner);

/* How many connections were ended, by reason. */
struct px_deadlines_ended {
    int late;    /* over its deadline or below the least rate */
    int gone;    /* its client left; also those whose owners were told */
    int crowded; /* to make way for a new one, since the last call */
};

/* Ends what must end, each connection once. Call a few times a second, from one thread. A client
 * is taken for gone if in two calls it had closed its sending side with nothing left to read, or if
 * its connection broke; one that closes its sending side behind a complete request is not. */
struct px_deadlines_ended px_deadlines_end(struct px_deadlines *deadlines);

#endif
