#ifndef SERVER_MESSAGE_MULTIPART_H
#define SERVER_MESSAGE_MULTIPART_H

/* multipart/form-data (RFC 7578), strict, over a whole body in memory. libmicrohttpd's own parser
 * silently loses parts when the Content-Type has a further parameter and cannot tell a truncated
 * body in time. Text before the first delimiter and after the last is ignored, as RFC 2046 says; a
 * line that merely begins with the delimiter is data. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { PX_FORM_MAX_PARTS = 16, PX_MAX_PART_HEADER = 4096, PX_PART_NAME_MAX = 63 };

struct px_form_part {
    char name[PX_PART_NAME_MAX + 1];
    bool is_file;        /* has a filename parameter */
    const uint8_t *data; /* into the body */
    size_t size;
};

struct px_form_parts {
    size_t count;
    struct px_form_part at[PX_FORM_MAX_PARTS];
};

/* All failures are INVALID: no closing delimiter, a part without a name, too many parts, header
 * lines that are malformed, folded or too long, a transfer encoding. */
int px_multipart_parse(const uint8_t *body, size_t size, const char *boundary,
                       struct px_form_parts *parts, struct px_error *err);

#endif
