#ifndef SERVER_FRONT_ANSWER_H
#define SERVER_FRONT_ANSWER_H

/* The last step of a request: its finished reply becomes a response of libmicrohttpd, with the
 * headers that depend on the request. */

#include <microhttpd.h>

#include "server/front/rate_limit.h"
#include "server/message/dialect.h"
#include "server/message/origin.h"
#include "server/message/reply.h"

/* Of requests and answers whose JSON is followed by a tensor. */
#define PX_JSON_SIZE_HEADER "Inference-Header-Content-Length"

struct px_answer {
    struct px_reply *reply;
    const struct px_dialect *dialect;
    const char *id;                   /* X-Request-Id */
    const char *timing;               /* Server-Timing, or NULL */
    const char *model_hash;           /* X-Model-Sha256, or NULL */
    const struct px_rate_state *rate; /* RateLimit-*; NULL, or limit 0: none */
    const char *file_name;            /* to save a picture under: "house.png"; or NULL */
    struct px_cross_origin origin;
    bool preflight; /* the answer to an OPTIONS request */
};

/* Queues the answer; the library takes over the reply's body (reply->body is then NULL unless
 * borrowed). Documents are compressed for clients that accept gzip and become 304 for those that
 * have them; the reply's status and size are then those that are sent. Call it from the
 * connection's thread, in its handler. MHD_NO ends the connection. */
enum MHD_Result px_answer_queue(struct MHD_Connection *connection, const struct px_answer *answer);

#endif
