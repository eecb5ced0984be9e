#include "base/log.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

enum {
    MESSAGE_SIZE = 1160,
    LINE_SIZE = 4000, /* below PIPE_BUF (4096): a pipe that takes one byte takes the whole line */
    LINE_END = 2      /* bytes kept free for the end */
};

struct line {
    char text[LINE_SIZE];
    size_t size;
};

static enum px_log_level max_level = PX_LOG_INFO;
static enum px_log_format log_format = PX_LOG_TEXT;

/* Between poll() and write() no other thread may fill the pipe. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t lost, lost_since_note;

void px_log_set_level(enum px_log_level level)
{
    max_level = level;
}

void px_log_set_format(enum px_log_format format)
{
    log_format = format;
}

/* These add text and return whether there was room for it. */
static bool put(struct line *line, const char *text, size_t n)
{
    if (n > LINE_SIZE - LINE_END - line->size)
        return false;
    memcpy(line->text + line->size, text, n);
    line->size += n;
    return true;
}

static bool put_text(struct line *line, const char *text)
{
    return put(line, text, strlen(text));
}

/* In quotes, with '"' and '\\' escaped; no other character of printable text needs it in JSON. */
static bool put_quoted(struct line *line, const char *printable)
{
    bool fits = put(line, "\"", 1);

    for (const char *s = printable; fits && *s != '\0'; s++)
        fits = (*s != '"' && *s != '\\') || put(line, "\\", 1) ? put(line, s, 1) : false;
    return fits && put(line, "\"", 1);
}

/* The time and the level. */
static void begin_line(struct line *line, enum px_log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    struct timespec now;
    struct tm tm;
    char date[32], text[96];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    if (log_format == PX_LOG_JSON)
        snprintf(text, sizeof text, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\"", date,
                 now.tv_nsec / 1000000, names[level]);
    else
        snprintf(text, sizeof text, "%sZ %s ", date, names[level]);
    line->size = 0;
    put_text(line, text);
}

/* Text from outside is made harmless, so that it can neither begin a second line nor steer a
 * terminal. */
static void put_message(struct line *line, const char *message)
{
    char printable[MESSAGE_SIZE];

    snprintf(printable, sizeof printable, "%s", message);
    px_utf8_make_printable(printable);
    if (log_format == PX_LOG_TEXT) {
        put_text(line, printable);
        return;
    }
    put_text(line, ",\"message\":");
    put_quoted(line, printable);
}

static bool put_value(struct line *line, const struct px_log_field *field)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~:/*";
    char text[MESSAGE_SIZE];

    if (!field->text) {
        snprintf(text, sizeof text, "%.*f", field->decimals, field->number);
        return put_text(line, text);
    }
    snprintf(text, sizeof text, "%s", field->text);
    px_utf8_make_printable(text);
    bool bare = log_format == PX_LOG_TEXT && text[0] != '\0' && text[strspn(text, plain)] == '\0';
    return bare ? put_text(line, text) : put_quoted(line, text);
}

/* A field that does not fit is left out as a whole. */
static void put_field(struct line *line, const struct px_log_field *field)
{
    bool json = log_format == PX_LOG_JSON;
    size_t before = line->size;

    if (!put_text(line, json ? ",\"" : " ") || !put_text(line, field->name) ||
        !put_text(line, json ? "\":" : "=") || !put_value(line, field))
        line->size = before;
}

/* Whether the line can be written without waiting, and was. */
static bool write_now(struct line *line)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (log_format == PX_LOG_JSON)
        line->text[line->size++] = '}';
    line->text[line->size++] = '\n';
    return poll(&out, 1, 0) == 1 &&
           write(STDERR_FILENO, line->text, line->size) == (ssize_t)line->size;
}

static bool write_note(void)
{
    struct line line;
    char text[80];

    snprintf(text, sizeof text, "%" PRIu64 " lines of this log were lost: nothing took them",
             lost_since_note);
    begin_line(&line, PX_LOG_WARNING);
    put_message(&line, text);
    return write_now(&line);
}

void px_log_fields(enum px_log_level level, const char *message, const struct px_log_field *fields,
                   size_t count)
{
    struct line line;

    if (level > max_level)
        return;
    begin_line(&line, level);
    put_message(&line, message);
    for (size_t i = 0; i < count; i++)
        put_field(&line, &fields[i]);
    pthread_mutex_lock(&lock);
    if (lost_since_note && write_note())
        lost_since_note = 0;
    if (lost_since_note || !write_now(&line)) {
        lost++;
        lost_since_note++;
    }
    pthread_mutex_unlock(&lock);
}

void px_log(enum px_log_level level, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;

    if (level > max_level)
        return;
    va_start(args, format);
    int rc = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (rc >= 0)
        px_log_fields(level, message, NULL, 0);
}

uint64_t px_log_lost(void)
{
    pthread_mutex_lock(&lock);
    uint64_t count = lost;
    pthread_mutex_unlock(&lock);
    return count;
}
