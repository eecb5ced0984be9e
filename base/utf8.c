#include "base/utf8.h"

#include <string.h>

size_t px_utf8_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
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

/* Of a whole sequence of n bytes. */
static bool is_control(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;

    switch (n) {
    case 1:
        return s[0] < 0x20 || s[0] == 0x7f;
    case 2:
        return s[0] == 0xc2 && s[1] < 0xa0;
    case 3:
        return s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9);
    default:
        return false;
    }
}

bool px_utf8_is_printable(const char *text)
{
    while (*text) {
        size_t n = px_utf8_length(text);
        if (n == 0 || is_control(text, n))
            return false;
        text += n;
    }
    return true;
}

void px_utf8_make_printable(char *text)
{
    char *to = text;

    while (*text) {
        size_t n = px_utf8_length(text);
        if (n == 0 || is_control(text, n)) {
            *to++ = '?';
            text += n ? n : 1;
        } else {
            memmove(to, text, n);
            to += n;
            text += n;
        }
    }
    *to = 0;
}
