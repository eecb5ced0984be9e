#include "server/front/answer.h"

#include <assert.h>
#include <stdio.h>

static void add_headers(struct MHD_Response *response, const struct px_reply *reply)
{
    const struct {
        const char *name, *value;
    } headers[] = {
        {"Content-Type", reply->content_type},
        {"Cache-Control", reply->cache ? reply->cache : "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", reply->policy},
        {"Allow", reply->allow},
        {"Connection", reply->close ? "close" : NULL},
    };
    char seconds[16];

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (headers[i].value)
            MHD_add_response_header(response, headers[i].name, headers[i].value);
    if (reply->retry_after > 0) {
        snprintf(seconds, sizeof seconds, "%d", reply->retry_after);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
}

enum MHD_Result px_answer_queue(struct MHD_Connection *connection, struct px_reply *reply)
{
    assert(reply->status != 0);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->size, reply->body, reply->borrowed ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);

    if (!response)
        return MHD_NO;
    if (!reply->borrowed)
        reply->body = NULL; /* the response owns it now */
    add_headers(response, reply);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}
