#include "server/metrics/prometheus.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Digits of the longest value, its space and its newline. */
enum { VALUE_ROOM = 40 };

void px_prometheus_head(struct px_buffer *text, const char *name, const char *type,
                        const char *help)
{
    const char *const pieces[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"};

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        px_buffer_append_text(text, pieces[i]);
}

static char *put(char *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    return to + size;
}

static char *put_escaped(char *to, const char *text)
{
    for (;;) {
        size_t plain = strcspn(text, "\n\"\\");
        to = put(to, text, plain);
        text += plain;
        if (*text == '\0')
            return to;
        *to++ = '\\';
        *to++ = *text == '\n' ? 'n' : *text;
        text++;
    }
}

/* Most are whole numbers, which need no printf(). */
static char *put_value(char *to, double value)
{
    char digits[24];
    size_t n = sizeof digits;

    *to++ = ' ';
    if (value >= 0 && value < 1e15 && value == (double)(long long)value) {
        long long whole = (long long)value;
        do
            digits[--n] = (char)('0' + whole % 10);
        while ((whole /= 10) > 0);
        to = put(to, digits + n, sizeof digits - n);
    } else {
        to += snprintf(to, VALUE_ROOM - 2, "%.16g", value);
    }
    *to++ = '\n';
    return to;
}

/* A scrape has hundreds of samples, and on a busy machine a thread that takes milliseconds waits
 * for its next turn: room for the whole line is reserved at once. */
void px_prometheus_sample(struct px_buffer *text, const char *name, const struct px_label *labels,
                          size_t label_count, double value)
{
    size_t name_size = strlen(name), room = name_size + VALUE_ROOM;

    for (size_t i = 0; i < label_count; i++)
        room += strlen(labels[i].name) + 2 * strlen(labels[i].value) + 5;
    char *start = px_buffer_reserve(text, room);
    if (!start)
        return;
    char *to = put(start, name, name_size);
    for (size_t i = 0; i < label_count; i++) {
        *to++ = i == 0 ? '{' : ',';
        to = put(to, labels[i].name, strlen(labels[i].name));
        to = put(to, "=\"", 2);
        to = put_escaped(to, labels[i].value);
        *to++ = '"';
    }
    if (label_count > 0)
        *to++ = '}';
    to = put_value(to, value);
    assert((size_t)(to - start) <= room);
    *to = '\0';
    text->size += (size_t)(to - start);
}

void px_prometheus_gauge(struct px_buffer *text, const char *name, const char *help, double value)
{
    px_prometheus_head(text, name, "gauge", help);
    px_prometheus_sample(text, name, NULL, 0, value);
}

void px_prometheus_counter(struct px_buffer *text, const char *name, const char *help, double value)
{
    px_prometheus_head(text, name, "counter", help);
    px_prometheus_sample(text, name, NULL, 0, value);
}
