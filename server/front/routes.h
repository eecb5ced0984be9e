#ifndef SERVER_FRONT_ROUTES_H
#define SERVER_FRONT_ROUTES_H

/* The table of paths. */

#include "server/message/dialect.h"
#include "server/work/server.h"

struct px_route_entry {
    enum px_route id;
    const char *path;  /* may have the segments "{model}", any, and "{version}", which is 1 */
    const char *allow; /* for the Allow header: "GET, HEAD, OPTIONS" */
    /* Makes the reply to a GET; both NULL for paths that take a picture. */
    void (*answer)(struct px_server *server, struct px_reply *reply);
    void (*answer_model)(struct px_server *server, const char *model, struct px_reply *reply);
    const struct px_dialect *dialect; /* of the answer; NULL: our own */
};

enum { PX_ROUTE_MODEL_SIZE = 256 };

/* Sets `model` to what the path has for "{model}", or to "". Never NULL: for an unknown path an
 * entry of PX_ROUTE_OTHER with the dialect of the paths around it. The files of the page share the
 * entry of PX_ROUTE_PAGE. */
const struct px_route_entry *px_route_find(const char *path,
                                           char model[static PX_ROUTE_MODEL_SIZE]);

/* Whether a POST with a picture is what the route takes. */
bool px_route_takes_picture(const struct px_route_entry *route);

/* Whether it never needs a key: health checks, and the files of the page. */
bool px_route_is_public(const struct px_route_entry *route);

/* NOT_FOUND for the entry of unknown paths, METHOD for a method that the route does not take (HEAD
 * counts as GET; OPTIONS must have been dealt with). */
int px_route_check(const struct px_route_entry *route, const char *path, const char *method,
                   struct px_error *err);

/* Makes the reply to a GET of a route that passed the check; `model` as px_route_find() left it. */
void px_route_answer(const struct px_route_entry *route, const char *path, const char *model,
                     struct px_server *server, struct px_reply *reply);

/* Row `index` of the table, which does not have PX_ROUTE_OTHER and PX_ROUTE_PAGE; NULL after the
 * last. */
const struct px_route_entry *px_route_at(size_t index);

#endif
