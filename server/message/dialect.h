#ifndef SERVER_MESSAGE_DIALECT_H
#define SERVER_MESSAGE_DIALECT_H

/* The ways in which clients may ask for a translation: the same work, other words around it. Every
 * function may be called from any thread. */

#include "base/span.h"
#include "codecs/codec.h"
#include "server/message/accept.h"
#include "server/message/body.h"
#include "server/message/reply.h"

/* A translated picture, and what an answer may say about it. */
struct px_translation {
    const char *id, *model;
    uint32_t width, height;
    enum px_format format;
    struct px_span picture; /* in that format, unless a tensor of numbers is wanted */
    const struct px_image *pixels;
    const struct px_pixel_tensor *tensor; /* what the request says about them */
    double queue_ms, decode_ms, infer_ms, encode_ms;
};

struct px_dialect {
    /* Takes a body apart, with the contract of px_body_read(). */
    int (*read)(struct px_body *body, const struct px_content_type *type, struct px_fields *fields,
                struct px_error *err);
    /* The answer's form; `accept` is the Accept header, `format` the field of that name. */
    struct px_accepted (*accept)(const char *accept, enum px_format format);
    /* Appends the answer in JSON; a lack of memory is remembered in *text. Returns 0, or how many
     * bytes are JSON if others follow. */
    size_t (*write)(struct px_buffer *text, const struct px_translation *translation);
    /* Appends the body of a failure, which is JSON, too. */
    void (*write_problem)(struct px_buffer *text, const struct px_error *problem, const char *id);
    const char *problem_type; /* its Content-Type */
    bool query_fields;        /* fields may be query parameters; else the query is ignored */
    bool any_type;            /* the Content-Type does not matter */
};

/* That of /translate. */
extern const struct px_dialect px_dialect_own;

/* Appends bytes in base64; for `write`. */
void px_dialect_append_base64(struct px_buffer *text, struct px_span bytes);

#endif
