#ifndef SERVER_MESSAGE_HEADERS_H
#define SERVER_MESSAGE_HEADERS_H

/* What libmicrohttpd lets pass and a proxy in front may read differently (request smuggling, RFC
 * 9112, 6.3 and 11.2): two lengths, a length beside a coding, several hosts, a coding that is not
 * chunked or comes with HTTP/1.0, names that are not tokens, control characters in values.
 *
 * What the library refuses by itself never gets here, and is answered by it in HTML: a missing
 * Host, a malformed Content-Length or chunk (400), an overlong URL (414) or header (431), too large
 * a chunk (413), another major version (505). */

#include <microhttpd.h>

#include "base/error.h"

/* INVALID: where the body ends is not certain, so the connection cannot be used any further. */
int px_headers_check(struct MHD_Connection *connection, const char *version, struct px_error *err);

#endif
