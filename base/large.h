#ifndef BASE_LARGE_H
#define BASE_LARGE_H

/* Memory of many megabytes that is read from end to end again and again, like packed weights: on
 * huge pages where the kernel offers them (transparent_hugepage "madvise" or "always"), so that a
 * pass does not wait for page tables. Costs no memory beyond `size`: what does not fill a huge page
 * stays on small ones. */

#include <stddef.h>

/* `size` bytes aligned to 64, of undefined contents; NULL without memory. Released by free(). */
void *px_large_alloc(size_t size);

/* The same, released by px_large_unmap() with the same size. From 256 KiB on it is a mapping of its
 * own, which returns to the kernel at once; malloc() keeps blocks of up to 32 MiB once one of that
 * size was freed. */
void *px_large_map(size_t size);
void px_large_unmap(void *memory, size_t size); /* accepts NULL */

#endif
