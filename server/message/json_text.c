#include "server/message/json_text.h"

#include "base/utf8.h"

void px_json_append_string(struct px_buffer *text, const char *string)
{
    px_buffer_append(text, "\"", 1);
    while (*string != '\0') {
        size_t n = px_utf8_length(string);
        unsigned char c = (unsigned char)*string;
        if (n == 0)
            px_buffer_append(text, "?", 1);
        else if (c == '"' || c == '\\')
            px_buffer_appendf(text, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            px_buffer_appendf(text, "\\u%04x", c);
        else
            px_buffer_append(text, string, n);
        string += n == 0 ? 1 : n;
    }
    px_buffer_append(text, "\"", 1);
}
