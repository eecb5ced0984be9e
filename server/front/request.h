#ifndef SERVER_FRONT_REQUEST_H
#define SERVER_FRONT_REQUEST_H

/* One HTTP request, from its header to the end of its answer.
 *
 * What can be decided from the header alone is decided there, but told only when the body has been
 * read (a reply in the middle of an upload is often lost in a connection reset), except to clients
 * that wait for "100 Continue" and for bodies too large to read to their end. A request belongs to
 * the HTTP thread of its connection; while its job is with the queue the connection is suspended
 * and nobody else touches it. */

#include <microhttpd.h>

#include "server/work/server.h"

struct px_request;

/* From the header; NULL without memory. Counts itself in *active until px_request_destroy(). */
struct px_request *px_request_create(struct px_server *server, struct MHD_Connection *connection,
                                     const char *url, const char *method, atomic_int *active);

/* The next piece of the body. MHD_NO ends the connection. */
enum MHD_Result px_request_upload(struct px_request *request, const char *data, size_t size);

/* The answer must be given before the body is read. */
bool px_request_refused_early(const struct px_request *request);

/* Makes the answer the problem `err`, told before the body is read, and the last on its connection:
 * where the body ends is not certain. */
void px_request_refuse(struct px_request *request, const struct px_error *err);

/* The body is complete (or is not waited for), or the job is done: answers or suspends. */
enum MHD_Result px_request_answer(struct px_request *request);

/* True while the connection is suspended, for its job to be done. */
bool px_request_waits(const struct px_request *request);

/* The answer was sent, or the connection is gone. */
void px_request_destroy(struct px_request *request, bool completed);

#endif
