#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

/* A growing block of bytes, for text as well as binary data. A failed allocation is remembered and
 * everything after it ignored, so that a writer may append freely and check `failed` once at the
 * end. A zero-initialised buffer is empty and valid; px_buffer_clear() frees it, px_buffer_take()
 * hands its memory over. One thread at a time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct px_buffer {
    uint8_t *data;   /* malloc'ed; NULL until something is reserved */
    size_t size;     /* bytes in use; data[size] is 0 after each append */
    size_t capacity; /* bytes allocated */
    bool failed;     /* memory ran out or the size overflowed; the bytes before it are kept */
};

/* Makes room for `extra` more bytes and a NUL and returns where they go, or NULL once the buffer
 * has failed. The caller writes there and adds what it wrote to `size`. */
void *px_buffer_reserve(struct px_buffer *buffer, size_t extra);

/* Each returns false once the buffer has failed. `data` may be NULL if `size` is 0. */
bool px_buffer_append(struct px_buffer *buffer, const void *data, size_t size);
bool px_buffer_append_text(struct px_buffer *buffer, const char *text);
__attribute__((format(printf, 2, 3))) bool px_buffer_appendf(struct px_buffer *buffer,
                                                             const char *format, ...);

/* What was written, as a string; "" while nothing was. Valid until the buffer changes. */
const char *px_buffer_text(const struct px_buffer *buffer);

/* Hands the memory over (the caller frees it) and leaves an empty buffer. The block ends with a NUL
 * beyond *size (which may be NULL). NULL if the buffer has failed; its memory is then freed. */
void *px_buffer_take(struct px_buffer *buffer, size_t *size);

void px_buffer_clear(struct px_buffer *buffer);

#endif
