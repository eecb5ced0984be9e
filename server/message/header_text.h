#ifndef SERVER_MESSAGE_HEADER_TEXT_H
#define SERVER_MESSAGE_HEADER_TEXT_H

/* The small syntax that headers share: tokens and `; name=value` parameters (RFC 9110, 5.6). Pure
 * functions of NUL-terminated text. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"

/* How many characters of a token `text` begins with. */
size_t px_header_token_length(const char *text);

/* `text` without leading spaces and tabs. */
const char *px_header_skip_space(const char *text);

/* A parameter, pointing into the header's text. */
struct px_header_parameter {
    struct px_span name;
    struct px_span value; /* without the quotes around it, otherwise as sent */
    bool quoted;
};

/* Reads the parameter at *at (which points at ';' or white space before it) and moves *at behind
 * it. Returns 1, 0 at the end of the text, or an INVALID error.
 *
 * Takes what clients really send: an unquoted value may hold anything but ';' and ends before white
 * space at its end. A quoted one ends at a quote that the end of the text or another parameter
 * follows, so that backslashes and quotes inside it may be escaped (RFC 2616) or not (WHATWG). */
int px_header_parameter_next(const char **at, struct px_header_parameter *out,
                             struct px_error *err);

/* Compares the name without case. */
bool px_header_parameter_is(const struct px_header_parameter *parameter, const char *name);

/* Copies the value, NUL-terminated, with \" and \\ of a quoted one resolved. Cuts it and returns
 * false if it does not fit into `size` bytes (at least 1). */
bool px_header_parameter_copy(const struct px_header_parameter *parameter, char *out, size_t size);

#endif
