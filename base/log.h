#ifndef BASE_LOG_H
#define BASE_LOG_H

/* Lines for operators, on standard error: `2026-11-22T10:00:00Z level message`, one write a line,
 * any thread. Control characters and bytes that are not UTF-8 are replaced (base/utf8.h); lines are
 * cut at 1200 bytes. Never waits: a line that standard error cannot take at once, because its
 * reader has stalled, is dropped and counted, and the first line that gets through again is
 * preceded by one with the number. The level and that count are the only global state of base/;
 * set the level once in main() before threads start. Not for signal handlers. */

#include <stdbool.h>
#include <stdint.h>

enum px_log_level { PX_LOG_ERROR, PX_LOG_WARNING, PX_LOG_INFO, PX_LOG_DEBUG };

void px_log_set_level(enum px_log_level level);
__attribute__((format(printf, 2, 3))) void px_log(enum px_log_level level, const char *format, ...);

#define px_log_error(...) px_log(PX_LOG_ERROR, __VA_ARGS__)
#define px_log_warning(...) px_log(PX_LOG_WARNING, __VA_ARGS__)
#define px_log_info(...) px_log(PX_LOG_INFO, __VA_ARGS__)
#define px_log_debug(...) px_log(PX_LOG_DEBUG, __VA_ARGS__)

/* Lines dropped since the program started. */
uint64_t px_log_lost(void);

#endif
