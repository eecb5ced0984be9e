#include "server/message/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

char *px_text_reserve(struct px_text *text, size_t extra)
{
    size_t need;

    if (text->failed || !px_add(text->size, extra, &need) || !px_add(need, 1, &need)) {
        text->failed = true;
        return NULL;
    }
    if (need > text->room) {
        size_t room = text->room < 256 ? 256 : text->room;
        while (room < need)
            room = room > SIZE_MAX / 2 ? need : 2 * room;
        char *data = realloc(text->data, room);
        if (!data) {
            text->failed = true;
            return NULL;
        }
        text->data = data;
        text->room = room;
    }
    return text->data + text->size;
}

void px_text_append(struct px_text *text, const char *data, size_t size)
{
    char *to = px_text_reserve(text, size);

    if (!to)
        return;
    memcpy(to, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void px_text_printf(struct px_text *text, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n < 0 ? NULL : px_text_reserve(text, (size_t)n);
    if (!to)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    text->size += (size_t)n;
}

/* The length of the UTF-8 sequence at `s` (RFC 3629: no overlong forms, no surrogates), or 0. */
static size_t utf8_length(const unsigned char *s)
{
    unsigned char c = s[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < n; i++) {
        if (s[i] < low || s[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

void px_text_json(struct px_text *text, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;

    px_text_append(text, "\"", 1);
    while (*s != '\0') {
        size_t n = utf8_length(s);
        if (n == 0)
            px_text_append(text, "?", 1);
        else if (*s == '"' || *s == '\\')
            px_text_printf(text, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            px_text_printf(text, "\\u%04x", *s);
        else
            px_text_append(text, (const char *)s, n);
        s += n == 0 ? 1 : n;
    }
    px_text_append(text, "\"", 1);
}

bool px_text_printable(const char *string)
{
    const unsigned char *s = (const unsigned char *)string;

    while (*s != '\0') {
        size_t n = utf8_length(s);
        if (n == 0 || *s < 0x20 || *s == 0x7f)
            return false;
        s += n;
    }
    return true;
}

void px_text_free(struct px_text *text)
{
    free(text->data);
    *text = (struct px_text){0};
}
