#ifndef SERVER_FRONT_LIBRARY_LOG_H
#define SERVER_FRONT_LIBRARY_LOG_H

/* Lines in which libmicrohttpd reports what it does and what went wrong. */

#include <stdarg.h>
#include <stddef.h>

/* Writes the line to `line`, cut at `size` bytes, and to the log at level debug. Waits 50 ms if the
 * library could not accept a connection and has none: it would try again at once, and for ever. */
__attribute__((format(printf, 3, 0))) void px_library_log(char *line, size_t size,
                                                          const char *format, va_list args);

#endif
