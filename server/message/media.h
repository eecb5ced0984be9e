#ifndef SERVER_MESSAGE_MEDIA_H
#define SERVER_MESSAGE_MEDIA_H

/* Media types in request headers: Content-Type (RFC 9110, 8.3) and the choice of an answer by
 * Accept (12.5.1). Pure functions of text. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "codecs/codec.h"

enum px_body_kind {
    PX_BODY_PNG,
    PX_BODY_JPEG,
    PX_BODY_BYTES, /* application/octet-stream: told by its first bytes */
    PX_BODY_MULTIPART,
    PX_BODY_JSON,
};

enum { PX_BOUNDARY_MAX = 70 }; /* RFC 2046, 5.1.1 */

struct px_content_type {
    enum px_body_kind kind;
    char boundary[PX_BOUNDARY_MAX + 1]; /* MULTIPART only */
};

/* `header` may be NULL (no such header). UNSUPPORTED for a type that /translate does not take, with
 * the headers to send; INVALID for a multipart type without a usable boundary. */
int px_content_type_parse(const char *header, struct px_content_type *out, struct px_error *err);

/* One `; name=value` parameter of a header, value a token or a quoted string. */
struct px_media_parameter {
    char name[32];
    char value[128];
};

/* Reads the parameter at *at (which points at ';' or white space before it) and moves *at behind
 * it. Returns 1, 0 at the end of the text, or an INVALID error. */
int px_media_parameter_next(const char **at, struct px_media_parameter *out, struct px_error *err);

struct px_accepted {
    bool json;             /* the picture wrapped in JSON */
    enum px_format format; /* the picture's coding: PNG or JPEG */
};

/* What suits the client best: the higher q wins, then what the header names more precisely, then
 * PNG before JPEG before JSON. A missing header, or one that allows none of the three, gives PNG.
 * `format` not NONE fixes the picture's coding and leaves only JSON or not to choose. */
struct px_accepted px_accept(const char *header, enum px_format format);

#endif
