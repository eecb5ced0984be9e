#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

/* Arrays that grow, for lists of structs or pointers (bytes and text: buffer.h).
 *
 *     struct item *more = px_array_grow(list, &capacity, count + 1, sizeof *list);
 *     if (!more)
 *         return px_fail(...);
 *     list = more;
 *     list[count++] = item;
 */

#include <stddef.h>

/* A block for at least `count` elements of `size` bytes each: `list` itself if *capacity elements
 * are enough, else `list` reallocated to at least twice as many, with *capacity updated. NULL with
 * `list` and *capacity unchanged if there is no memory or the size overflows. `list` is NULL or
 * malloc'ed; the caller frees it. New elements are not initialised. */
void *px_array_grow(void *list, size_t *capacity, size_t count, size_t size);

#endif
