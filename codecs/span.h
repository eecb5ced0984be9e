#ifndef CODECS_SPAN_H
#define CODECS_SPAN_H

/* Bytes that belong to someone else and stay where they are while the span is in use. Plain data,
 * passed by value. `data` may be NULL if `size` is 0. */

#include <stddef.h>
#include <stdint.h>

struct px_span {
    const uint8_t *data;
    size_t size;
};

#endif
