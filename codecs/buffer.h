#ifndef CODECS_BUFFER_H
#define CODECS_BUFFER_H

/* A growing block of bytes that the encoders write into. Empty and valid if zeroed; the owner frees
 * `data`. One thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct px_buffer {
    uint8_t *data;
    size_t size, room;
};

/* Returns false if memory runs out; the buffer is then unchanged. */
bool px_buffer_append(struct px_buffer *buffer, const uint8_t *data, size_t size);

#endif
