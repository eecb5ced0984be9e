#ifndef SERVER_MESSAGE_JSON_TEXT_H
#define SERVER_MESSAGE_JSON_TEXT_H

/* JSON as text, for answers that are written piece by piece (reading it is jansson's job). */

#include "base/buffer.h"

/* Appends a JSON string with its quotes: escapes '"', '\\' and control characters, passes UTF-8
 * through and replaces each byte that is not UTF-8 by '?'. `string` is NUL-terminated. */
void px_json_append_string(struct px_buffer *text, const char *string);

#endif
