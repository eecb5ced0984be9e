#ifndef SERVER_MESSAGE_MULTIPART_H
#define SERVER_MESSAGE_MULTIPART_H

/* multipart/form-data (RFC 7578), strict about structure, over a whole body in memory. (The parser
 * of libmicrohttpd silently loses parts when the Content-Type has a further parameter, and notices
 * a truncated body too late.) Text before the first delimiter and after the last is ignored, as RFC
 * 2046 says; a line that merely begins with the delimiter is data. File names are skipped, so that
 * their length, coding and quoting do not matter. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A part's header has room for a file name of 8 KiB and the rest. */
enum { PX_FORM_MAX_PARTS = 16, PX_MAX_PART_HEADER = 9 << 10, PX_PART_NAME_MAX = 63 };

struct px_form_part {
    char name[PX_PART_NAME_MAX + 1]; /* longer ones are cut: no field has such a name */
    bool is_file;                    /* has a filename or filename* parameter */
    bool not_chosen;                 /* an empty file without a name: nothing was chosen */
    const uint8_t *data;             /* into the body */
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
