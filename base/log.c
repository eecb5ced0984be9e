#include "base/log.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

enum {
    LOG_LINE = 1200
}; /* below PIPE_BUF (4096): a pipe that takes one byte takes the whole line */

static enum px_log_level max_level = PX_LOG_INFO;

/* Between poll() and write() no other thread may fill the pipe. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t lost, lost_since_note;

void px_log_set_level(enum px_log_level level)
{
    max_level = level;
}

/* Finishes a line that holds `used` bytes: text from outside is made harmless, so that it can
 * neither begin a second line nor steer a terminal. The size with its newline. */
static size_t finish_line(char line[static LOG_LINE], size_t text)
{
    px_utf8_make_printable(line + text);
    size_t size = strlen(line);
    if (size > LOG_LINE - 2)
        size = LOG_LINE - 2;
    line[size] = '\n';
    return size + 1;
}

/* The time and the level; the number of bytes. */
static size_t begin_line(char line[static LOG_LINE], enum px_log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    size_t n = strftime(line, LOG_LINE, "%Y-%m-%dT%H:%M:%SZ ", &tm);
    return n + (size_t)snprintf(line + n, LOG_LINE - n, "%s ", names[level]);
}

/* Whether the line can be written without waiting, and was. */
static bool write_now(const char *line, size_t size)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) == 1 && write(STDERR_FILENO, line, size) == (ssize_t)size;
}

static bool write_note(void)
{
    char line[LOG_LINE];
    size_t n = begin_line(line, PX_LOG_WARNING);

    snprintf(line + n, LOG_LINE - n, "%" PRIu64 " lines of this log were lost: nothing took them",
             lost_since_note);
    return write_now(line, finish_line(line, n));
}

void px_log(enum px_log_level level, const char *format, ...)
{
    char line[LOG_LINE];
    va_list args;

    if (level > max_level)
        return;
    size_t n = begin_line(line, level);
    va_start(args, format);
    int rc = vsnprintf(line + n, LOG_LINE - n, format, args);
    va_end(args);
    if (rc < 0)
        return;
    size_t size = finish_line(line, n);
    pthread_mutex_lock(&lock);
    if (lost_since_note && write_note())
        lost_since_note = 0;
    if (lost_since_note || !write_now(line, size)) {
        lost++;
        lost_since_note++;
    }
    pthread_mutex_unlock(&lock);
}

uint64_t px_log_lost(void)
{
    pthread_mutex_lock(&lock);
    uint64_t count = lost;
    pthread_mutex_unlock(&lock);
    return count;
}
