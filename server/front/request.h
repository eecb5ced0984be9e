#ifndef SERVER_FRONT_REQUEST_H
#define SERVER_FRONT_REQUEST_H

/* One HTTP request, from its first line to the end of its answer.
 *
 * What can be decided from the header alone is decided there, but answered only when the body has
 * been read (an answer in the middle of an upload is often lost in a connection reset), except to
 * clients that wait for "100 Continue" and for bodies much too large to read to their end. A
 * request belongs to the HTTP thread of its connection; while its job is with the queue the
 * connection is suspended and no other thread touches it. */

#include <microhttpd.h>

#include "server/front/gate.h"
#include "server/front/proxies.h"
#include "server/front/request_id.h"
#include "server/work/server.h"

struct px_request;

/* What all requests share. */
struct px_request_context {
    struct px_server *server;
    struct px_id_source ids;
    struct px_proxies proxies;
    struct px_gate gate;
    atomic_int active; /* requests that have begun and are not destroyed */
};

/* At the first line: `target` is what it asks for, as sent. NULL without memory. */
struct px_request *px_request_create(struct px_request_context *context,
                                     struct MHD_Connection *connection, const char *target);

/* The header is complete; `url` is the target's path, decoded. Before this the request is only
 * known to the library, which may refuse it by itself. From here on it counts as active,
 * until px_request_destroy(). */
void px_request_begin(struct px_request *request, const char *url, const char *method,
                      const char *version);
bool px_request_has_begun(const struct px_request *request);

/* The next piece of the body. MHD_NO ends the connection. */
enum MHD_Result px_request_upload(struct px_request *request, const char *data, size_t size);

/* Whether the answer must be given before the body is read. */
bool px_request_refused_early(const struct px_request *request);

/* Makes the answer the problem `err`, given before the body is read, and the last on its
 * connection: the end of the body is not certain. */
void px_request_refuse(struct px_request *request, const struct px_error *err);

/* The body is complete (or is not waited for), or the job is done: answers or suspends. */
enum MHD_Result px_request_answer(struct px_request *request);

bool px_request_is_http_1_1(const struct px_request *request);

/* The client of a request (`closure`) that waits is gone: its job is dropped as soon as possible.
 * Any thread, as long as px_request_answer() cannot be called meanwhile. */
void px_request_cancel(void *closure);

/* True while the connection is suspended, for its job to be done. */
bool px_request_waits(const struct px_request *request);

/* The answer was sent, or the connection is gone: counts and logs the request. */
void px_request_destroy(struct px_request *request, bool completed);

#endif
