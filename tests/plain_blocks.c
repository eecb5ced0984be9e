/* base/block.h without keeping anything, for programs whose every allocation is made to fail: what
 * keeps blocks is linked only if this is not. */

#include "base/block.h"

#include <stdlib.h>

void *px_block_take(size_t size)
{
    return malloc(size);
}

void *px_block_take_zeroed(size_t size)
{
    return calloc(1, size);
}

void *px_block_grow(void *block, size_t size)
{
    return realloc(block, size);
}

bool px_blocks_give_back(void)
{
    return false;
}

void px_block_release(void *block)
{
    free(block);
}
