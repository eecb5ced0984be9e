#ifndef CODECS_BUFFER_H
#define CODECS_BUFFER_H

/* A growing block of bytes that the encoders write into (private to codecs/). Zero-initialised is
 * empty and valid; the owner frees `data`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct px_buffer {
    uint8_t *data;
    size_t size, room;
};

/* False where there is no memory; the buffer is then as it was. */
bool px_buffer_append(struct px_buffer *buffer, const uint8_t *data, size_t size);

#endif
