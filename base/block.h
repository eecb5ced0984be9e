#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

/* Memory that is needed again and again: blocks that are released are kept for the next that takes
 * one of about that size, so that a daemon in its stride asks malloc() for nothing and cannot be
 * refused anything.
 *
 * Blocks come from malloc(), and blocks of malloc() may be released here, so that free() is only a
 * loss. At most PX_BLOCKS_KEPT bytes are kept in the whole process, of blocks of at most
 * PX_BLOCK_MAX; larger ones go straight to malloc() and free(). Under a sanitizer all do, so that
 * it sees every mistake.
 *
 * Any thread. */

#include <stdbool.h>
#include <stddef.h>

enum { PX_BLOCK_MAX = 1 << 20, PX_BLOCKS_KEPT = 8 << 20 };

/* At least `size` bytes, aligned for any type; NULL without memory. What is in it is undefined, or
 * zero. */
void *px_block_take(size_t size);
void *px_block_take_zeroed(size_t size);

/* Like realloc(). */
void *px_block_grow(void *block, size_t size);

void px_block_release(void *block); /* accepts NULL */

/* Gives all that is kept back to malloc(), and says whether that was anything. The functions above
 * do this before they return NULL. */
bool px_blocks_give_back(void);

#endif
