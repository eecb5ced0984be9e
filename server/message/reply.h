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
    size_t json_size; /* bytes of JSON that the body begins with, before a tensor; 0: it has none */
    struct px_error problem; /* code not 0: the front still has to write the body about it */
};

/* Frees the body and zeroes the struct. */
void px_reply_clear(struct px_reply *reply);

/* Makes the answer a failure; `err` must be one. 503 gets a Retry-After. Type and body are left to
 * the front, which knows the request's dialect and id. */
void px_reply_problem(struct px_reply *reply, const struct px_error *err);

/* Takes the text over; a text that failed becomes a 503 problem. */
void px_reply_text(struct px_reply *reply, int status, const char *content_type,
                   struct px_buffer *text);

#endif
