#ifndef BASE_LOG_H
#define BASE_LOG_H

/* Lines for operators, on standard error, one write a line, any thread:
 *
 *   text  2026-11-22T10:00:00Z info message name=value name="another value"
 *   JSON  {"time":"2026-11-22T10:00:00.000Z","level":"info","message":"message","name":"value"}
 *
 * Control characters and bytes that are not UTF-8 are replaced (base/utf8.h); messages are cut at
 * about 1150 bytes, and fields that would make the line longer than 4000 are left out. Never waits:
 * a line that standard error cannot take at once, because its reader has stalled, is dropped and
 * counted, and the first line that gets through again is preceded by one with the number. The
 * level, the format and that count are the only global state of base/; set the first two once in
 * main() before threads start. Not for signal handlers. */

#include <stddef.h>
#include <stdint.h>

enum px_log_level { PX_LOG_ERROR, PX_LOG_WARNING, PX_LOG_INFO, PX_LOG_DEBUG };
enum px_log_format { PX_LOG_TEXT, PX_LOG_JSON };

/* Something that belongs to a line besides its message. */
struct px_log_field {
    const char *name; /* letters and '_' */
    const char *text; /* any text, quoted if it needs to be; NULL: the number */
    double number;    /* finite */
    int decimals;     /* of the number */
};

void px_log_set_level(enum px_log_level level);
void px_log_set_format(enum px_log_format format);
__attribute__((format(printf, 2, 3))) void px_log(enum px_log_level level, const char *format, ...);

/* The message without formatting, then the fields in their order. */
void px_log_fields(enum px_log_level level, const char *message, const struct px_log_field *fields,
                   size_t count);

#define px_log_error(...) px_log(PX_LOG_ERROR, __VA_ARGS__)
#define px_log_warning(...) px_log(PX_LOG_WARNING, __VA_ARGS__)
#define px_log_info(...) px_log(PX_LOG_INFO, __VA_ARGS__)
#define px_log_debug(...) px_log(PX_LOG_DEBUG, __VA_ARGS__)

/* Lines dropped since the program started. */
uint64_t px_log_lost(void);

#endif
