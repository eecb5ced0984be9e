#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/block.h"
#include "base/checked.h"

enum { LEAST = 256 };

void *px_buffer_reserve(struct px_buffer *buffer, size_t extra)
{
    size_t need;

    assert(buffer->size <= buffer->capacity);
    if (buffer->failed)
        return NULL;
    uint8_t *data = NULL;
    if (px_add(buffer->size, extra, &need) && px_add(need, 1, &need))
        data = px_array_grow(buffer->data, &buffer->capacity, need < LEAST ? LEAST : need, 1);
    if (!data) {
        buffer->failed = true;
        return NULL;
    }
    buffer->data = data;
    return data + buffer->size;
}

bool px_buffer_append(struct px_buffer *buffer, const void *data, size_t size)
{
    uint8_t *to = px_buffer_reserve(buffer, size);

    if (!to)
        return false;
    if (size)
        memcpy(to, data, size);
    to[size] = 0;
    buffer->size += size;
    return true;
}

bool px_buffer_append_text(struct px_buffer *buffer, const char *text)
{
    return px_buffer_append(buffer, text, strlen(text));
}

bool px_buffer_appendf(struct px_buffer *buffer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n < 0 ? NULL : px_buffer_reserve(buffer, (size_t)n);
    if (!to) {
        buffer->failed = true;
        return false;
    }
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    buffer->size += (size_t)n;
    return true;
}

const char *px_buffer_text(const struct px_buffer *buffer)
{
    return buffer->size ? (const char *)buffer->data : "";
}

void *px_buffer_take(struct px_buffer *buffer, size_t *size)
{
    bool ok = px_buffer_append(buffer, NULL, 0); /* an empty buffer has a block to give, too */
    void *data = ok ? buffer->data : NULL;

    if (size)
        *size = ok ? buffer->size : 0;
    if (ok)
        buffer->data = NULL;
    px_buffer_clear(buffer);
    return data;
}

void px_buffer_clear(struct px_buffer *buffer)
{
    px_block_release(buffer->data);
    *buffer = (struct px_buffer){0};
}
