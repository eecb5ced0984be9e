#include "codecs/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

bool px_buffer_append(struct px_buffer *buffer, const uint8_t *data, size_t size)
{
    size_t need;

    if (!px_add(buffer->size, size, &need))
        return false;
    if (need > buffer->room) {
        size_t room = buffer->room > SIZE_MAX / 2 ? need : 2 * buffer->room;
        if (room < need)
            room = need;
        if (room < 16384)
            room = 16384;
        uint8_t *more = realloc(buffer->data, room);
        if (!more)
            return false;
        buffer->data = more;
        buffer->room = room;
    }
    if (size)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size = need;
    return true;
}
