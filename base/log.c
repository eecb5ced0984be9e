#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum px_log_level max_level = PX_LOG_INFO;

void px_log_set_level(enum px_log_level level)
{
    max_level = level;
}

void px_log(enum px_log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char line[1200];
    struct tm tm;
    time_t now = time(NULL);
    va_list args;
    size_t n;
    int rc;

    if (level > max_level)
        return;
    gmtime_r(&now, &tm);
    n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &tm);
    n += (size_t)snprintf(line + n, sizeof line - n, "%s ", names[level]);
    va_start(args, format);
    rc = vsnprintf(line + n, sizeof line - n - 1, format, args);
    va_end(args);
    if (rc < 0)
        return;
    size_t end = n + (size_t)rc;
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    for (size_t i = n; i < end; i++)
        if ((unsigned char)line[i] < 0x20)
            line[i] = '?'; /* nothing from outside may forge a second line */
    line[end] = '\n';
    ssize_t written = write(STDERR_FILENO, line, end + 1);
    (void)written; /* nowhere left to complain */
}
