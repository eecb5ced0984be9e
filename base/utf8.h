#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* Text from outside that goes to a terminal, a log or a JSON document. */

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes of the UTF-8 sequence at the start of a NUL-terminated string (RFC 3629: no
 * overlong forms, no surrogates), or 0 if there is none. 1 for the NUL itself. */
size_t px_utf8_length(const char *text);

/* Whether the whole string is UTF-8 without characters that control terminals or begin a new line:
 * U+0000 to U+001F, DEL, U+0080 to U+009F (C1), U+2028 and U+2029. */
bool px_utf8_is_printable(const char *text);

/* Replaces by '?' in place what px_utf8_is_printable() objects to: one '?' for each such character
 * and each byte that is not UTF-8. The text never becomes longer. */
void px_utf8_make_printable(char *text);

#endif
