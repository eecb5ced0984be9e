#ifndef SERVER_MESSAGE_CONTENT_TYPE_H
#define SERVER_MESSAGE_CONTENT_TYPE_H

/* The Content-Type of a request (RFC 9110, 8.3). Pure functions of text. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum px_body_kind {
    PX_BODY_PNG,
    PX_BODY_JPEG,
    PX_BODY_BYTES, /* application/octet-stream: recognised by its first bytes */
    PX_BODY_MULTIPART,
    PX_BODY_JSON,
};

enum { PX_BOUNDARY_MAX = 70 }; /* RFC 2046, 5.1.1 */

struct px_content_type {
    enum px_body_kind kind;
    char boundary[PX_BOUNDARY_MAX + 1]; /* MULTIPART only */
    bool has_json_size;                 /* inference requests with a binary part */
    size_t json_size;                   /* bytes of JSON before it */
};

/* `header` may be NULL (no such header). Common wrong names of JPEG and PNG (image/jpg,
 * image/pjpeg, image/x-png) are taken, and so are boundaries with characters that RFC 2046 allows
 * only in quotes or not at all. UNSUPPORTED for a type that /translate does not take, with the
 * headers to send; INVALID for a multipart type without a usable boundary. */
int px_content_type_parse(const char *header, struct px_content_type *out, struct px_error *err);

#endif
