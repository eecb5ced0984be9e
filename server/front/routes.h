#ifndef SERVER_FRONT_ROUTES_H
#define SERVER_FRONT_ROUTES_H

/* The table of paths. */

#include "server/message/dialect.h"
#include "server/work/server.h"

struct px_route_entry {
    enum px_route id;
    const char *path;
    const char *allow; /* for the Allow header: "GET, HEAD, OPTIONS" */
    /* Makes the reply to a GET; NULL for paths that take a POST. */
    void (*answer)(struct px_server *server, struct px_reply *reply);
    const struct px_dialect *dialect; /* of a path that takes a picture; else NULL */
};

/* Never NULL: for an unknown path the entry of PX_ROUTE_OTHER. The files of the page share the
 * entry of PX_ROUTE_PAGE. */
const struct px_route_entry *px_route_find(const char *path);

/* NOT_FOUND for the entry of unknown paths, METHOD for a method that the route does not take (HEAD
 * counts as GET; OPTIONS must have been dealt with). */
int px_route_check(const struct px_route_entry *route, const char *path, const char *method,
                   struct px_error *err);

/* Makes the reply to a GET of a route that passed the check. */
void px_route_answer(const struct px_route_entry *route, const char *path, struct px_server *server,
                     struct px_reply *reply);

/* The rows of the table one after the other, without the two above; NULL behind the last. */
const struct px_route_entry *px_route_at(size_t index);

#endif
