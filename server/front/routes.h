#ifndef SERVER_FRONT_ROUTES_H
#define SERVER_FRONT_ROUTES_H

/* The table of paths. */

#include "server/message/reply.h"
#include "server/work/server.h"

struct px_route_entry {
    enum px_route id;
    const char *path;
    bool post; /* POST only; else GET and HEAD */
    /* Makes the reply of a path that needs no body; NULL for /translate. */
    void (*answer)(struct px_server *server, struct px_reply *reply);
};

/* Never NULL: for an unknown path the entry is that of PX_ROUTE_OTHER. A file
 * of the page is answered at once, and where path or method are wrong, *reply is the finished 404
 * or 405. */
const struct px_route_entry *px_route_find(const char *path, const char *method,
                                           struct px_reply *reply, struct px_error *err);

#endif
