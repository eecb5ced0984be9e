#include "base/array.h"

#include "base/block.h"
#include "base/checked.h"
#include <assert.h>

enum { LEAST_BYTES = 64 }; /* of a small array, so that it does not grow one by one */

void *px_array_grow(void *list, size_t *capacity, size_t count, size_t size)
{
    size_t more, bytes;

    assert(size > 0 && (list || *capacity == 0));
    if (list && count <= *capacity)
        return list;
    more = size < LEAST_BYTES ? LEAST_BYTES / size : 1;
    if (px_mul(*capacity, 2, &bytes) && bytes > more)
        more = bytes;
    if (more < count)
        more = count;
    if (!px_mul(more, size, &bytes))
        return NULL;
    void *grown = px_block_grow(list, bytes);
    if (grown)
        *capacity = more;
    return grown;
}
