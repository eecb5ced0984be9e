#ifndef BASE_SPAN_H
#define BASE_SPAN_H

/* Borrowed bytes: valid as long as the buffer, map or string that they are part of. */

#include <stddef.h>
#include <stdint.h>

struct px_span {
    const uint8_t *data; /* may be NULL if size is 0 */
    size_t size;
};

#endif
