#ifndef SERVER_MESSAGE_ORIGIN_H
#define SERVER_MESSAGE_ORIGIN_H

/* Which web pages may use the daemon: the Origin and Host headers of their requests (CORS in the
 * Fetch standard; RFC 6454). Pure functions of text. */

#include <stdbool.h>

#include "base/error.h"
#include "config/options.h"

/* USAGE for an item of --allow-origin that is neither "scheme://host[:port]" in lower case nor, as
 * the only one, "*", and for an item of --allow-host that is not a host name or "*". */
int px_origin_check_options(const struct px_option_list *origins,
                            const struct px_option_list *hosts, struct px_error *err);

/* What a request's origin may do. */
struct px_cross_origin {
    const char *allowed; /* for Access-Control-Allow-Origin, points into the arguments; or NULL */
    bool varies;         /* the answer depends on the Origin header */
    bool foreign;        /* from a page that is neither the daemon's own nor listed */
};

/* `origin` and `host` are the request's headers, NULL if it has none. A page is the daemon's own if
 * it has the same host and port, whatever the scheme (a proxy may speak TLS). */
struct px_cross_origin px_origin_judge(const struct px_option_list *origins, const char *origin,
                                       const char *host);

/* Whether a Host header (NULL: none) names this machine: an IP address, localhost, or a listed name
 * ("*": any), with any port. Other names may have been made to point here by somebody else's name
 * server (DNS rebinding). */
bool px_origin_is_host(const struct px_option_list *hosts, const char *host);

#endif
