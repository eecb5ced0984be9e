#ifndef SERVER_MESSAGE_REPLY_H
#define SERVER_MESSAGE_REPLY_H

/* A finished answer, ready to be handed to the HTTP library: made by the thread that has the result
 * (an HTTP thread or a codec thread), sent by the HTTP thread alone. Owns `body`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct px_reply {
    int status;               /* 0: not made yet */
    const char *content_type; /* static text; NULL: no body */
    const char *cache;        /* Cache-Control, static; NULL: no-store */
    const char *policy;       /* Content-Security-Policy, static, or NULL */
    const char *allow;        /* Allow, static, or NULL */
    int retry_after;          /* seconds; 0: no Retry-After */
    bool close;               /* Connection: close */
    bool document;            /* may be compressed and asked for conditionally */
    bool borrowed;            /* `body` is static and not freed */
    uint8_t *body;
    size_t size;
    struct px_error problem; /* code not 0: the body is still to be written about it */
};

/* Frees the body and zeroes the struct. */
void px_reply_clear(struct px_reply *reply);

/* Makes the answer a failure; `err` must be one. 503 gets a Retry-After. The body is written by
 * px_reply_write_problem(), as only the front knows the request's id. */
void px_reply_problem(struct px_reply *reply, const struct px_error *err);

/* If the answer is a failure, writes its RFC 9457 problem document, with `id` as a member of that
 * name. Without memory even for that the body stays empty, with the right status. */
void px_reply_write_problem(struct px_reply *reply, const char *id);

/* Takes the text over; a text that failed becomes a 503 problem. */
void px_reply_text(struct px_reply *reply, int status, const char *content_type,
                   struct px_buffer *text);

#endif
