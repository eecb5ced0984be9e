#ifndef SERVER_MESSAGE_TEXT_H
#define SERVER_MESSAGE_TEXT_H

/* A text that grows: what /metrics, /models and every JSON reply are written into. A failed
 * allocation is remembered and everything after it ignored, so that writers need one check at the
 * end (px_text_failed). Zero-initialise; px_text_free() or hand `data` on. */

#include <stdbool.h>
#include <stddef.h>

struct px_text {
    char *data; /* NUL-terminated once something was written; malloc'ed */
    size_t size;
    size_t room;
    bool failed;
};

/* Makes room for `extra` more bytes (and a NUL) and returns where they go, or NULL. */
char *px_text_reserve(struct px_text *text, size_t extra);
void px_text_append(struct px_text *text, const char *data, size_t size);
__attribute__((format(printf, 2, 3))) void px_text_printf(struct px_text *text, const char *format,
                                                          ...);

/* A JSON string with its quotes: escapes '"', '\\' and control characters, passes UTF-8 through and
 * replaces bytes that are not UTF-8 by '?'. */
void px_text_json(struct px_text *text, const char *string);

/* Whether a string is UTF-8 without control characters: fit for logs, metrics and JSON as it is. */
bool px_text_printable(const char *string);

static inline bool px_text_failed(const struct px_text *text)
{
    return text->failed;
}

void px_text_free(struct px_text *text);

#endif
