#ifndef SERVER_MESSAGE_BODY_H
#define SERVER_MESSAGE_BODY_H

/* The three kinds of body of /translate taken apart: fields into `fields`, and where the bytes of
 * the picture are. */

#include "base/error.h"
#include "server/message/content_type.h"
#include "server/message/fields.h"
#include "server/message/pixel_tensor.h"

/* Bytes on the heap with one owner. */
struct px_owned_bytes {
    uint8_t *data;
    size_t size;
};

struct px_body {
    struct px_owned_bytes
        whole;            /* as received; after px_body_read() of JSON: the decoded picture */
    const uint8_t *image; /* into `whole` */
    size_t image_size;
    struct px_pixel_tensor tensor; /* inference requests: what the image's bytes are; else zeroed */
};

/* Reads body->whole (owned by *body before and after) and sets image and image_size. INVALID for
 * malformed multipart, JSON or base64 and for a body without a picture; UNSUPPORTED if the
 * bytes of a raw body are not what its Content-Type says. */
int px_body_read(struct px_body *body, const struct px_content_type *type, struct px_fields *fields,
                 struct px_error *err);
void px_body_clear(struct px_body *body); /* keeps `tensor`, for the answer */

#endif
