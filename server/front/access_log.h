#ifndef SERVER_FRONT_ACCESS_LOG_H
#define SERVER_FRONT_ACCESS_LOG_H

/* The log's line for a request: "request" with these fields, in this order: id, client, proxy (if
 * it named the client), key (its name), method, path, route ("other": unknown path), model (once it
 * is known), status, bytes (of the answer's body), ms, and for what was submitted queue_ms,
 * decode_ms, infer_ms and encode_ms. Health and metrics are logged at level debug, everything else
 * at info. */

#include "server/front/proxies.h"
#include "server/front/routes.h"
#include "server/work/job.h"

struct px_access {
    const struct px_route_entry *route;
    const struct px_job *job;
    const struct px_client_address *address;
    const char *key;           /* the name of the API key; "": none */
    const char *method, *path; /* as the client sent them */
    int status;                /* 499: the client was gone */
    size_t bytes;
    double ms;      /* from the request's header to the end of its answer */
    bool submitted; /* the job was handed to the queue */
};

void px_access_log(const struct px_access *access); /* any thread */

#endif
