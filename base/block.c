#include "base/block.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitized.h"

/* Classes of sizes, four to a doubling: 64, 80, 96, 112, 128, 160 ... PX_BLOCK_MAX. malloc() rounds
 * none of them up to the next. Blocks of up to SMALL bytes, of which there are the most, have a
 * share of their own. */
enum { LEAST_SHIFT = 6, MOST_SHIFT = 20, CLASSES = 4 * (MOST_SHIFT - LEAST_SHIFT) + 1 };
enum { LEAST_BLOCK = 1 << LEAST_SHIFT, SMALL = 4 << 10, KEPT_SMALL = PX_BLOCKS_KEPT / 8 };

struct free_block {
    struct free_block *next;
};

static struct {
    pthread_mutex_t lock;
    struct free_block *free[CLASSES];
    size_t kept[2]; /* bytes, of large and small blocks */
} blocks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t class_size(unsigned class)
{
    return (size_t)(4 + class % 4) << (LEAST_SHIFT - 2 + class / 4);
}

/* The largest class that fits into `size` bytes, at least LEAST_BLOCK. */
static unsigned class_within(size_t size)
{
    unsigned shift = 63 - (unsigned)__builtin_clzll(size);

    return 4 * (shift - LEAST_SHIFT) + (unsigned)(size >> (shift - 2) & 3);
}

static unsigned class_for(size_t size)
{
    size_t least = size < LEAST_BLOCK ? LEAST_BLOCK : size;
    unsigned class = class_within(least);

    return class_size(class) < least ? class + 1 : class;
}

static size_t limit(size_t size)
{
    return size <= SMALL ? KEPT_SMALL : PX_BLOCKS_KEPT - KEPT_SMALL;
}

/* One of the class or the next; NULL: none is kept. */
static void *take_kept(unsigned class)
{
    pthread_mutex_lock(&blocks.lock);
    if (!blocks.free[class] && class + 1 < CLASSES)
        class ++;
    struct free_block *block = blocks.free[class];
    if (block) {
        blocks.free[class] = block->next;
        blocks.kept[class_size(class) <= SMALL] -= class_size(class);
    }
    pthread_mutex_unlock(&blocks.lock);
    return block;
}

/* Takes out a list of all; the caller owns it. */
static struct free_block *take_all(void)
{
    struct free_block *all = NULL, *block;

    pthread_mutex_lock(&blocks.lock);
    for (size_t i = 0; i < CLASSES; i++)
        while ((block = blocks.free[i])) {
            blocks.free[i] = block->next;
            block->next = all;
            all = block;
        }
    blocks.kept[false] = blocks.kept[true] = 0;
    pthread_mutex_unlock(&blocks.lock);
    return all;
}

bool px_blocks_give_back(void)
{
    struct free_block *all = take_all();
    bool any = all;

    while (all) {
        struct free_block *next = all->next;
        free(all);
        all = next;
    }
    return any;
}

static void *take_new(size_t size)
{
    void *block;

    do
        block = malloc(size);
    while (!block && px_blocks_give_back());
    return block;
}

void *px_block_take(size_t size)
{
    if (PX_SANITIZED || size > PX_BLOCK_MAX)
        return take_new(size);
    unsigned class = class_for(size);
    void *block = take_kept(class);
    return block ? block : take_new(class_size(class));
}

void *px_block_take_zeroed(size_t size)
{
    void *large;

    if (PX_SANITIZED || size > PX_BLOCK_MAX) {
        do
            large = calloc(1, size);
        while (!large && px_blocks_give_back());
        return large;
    }
    void *block = px_block_take(size);
    return block ? memset(block, 0, size) : NULL;
}

void *px_block_grow(void *block, size_t size)
{
    size_t usable = block ? malloc_usable_size(block) : 0;
    void *large;

    if (PX_SANITIZED || size > PX_BLOCK_MAX) {
        do
            large = realloc(block, size);
        while (!large && px_blocks_give_back());
        return large;
    }
    if (block && size <= usable)
        return block;
    void *grown = px_block_take(size);
    if (grown && block) {
        memcpy(grown, block, usable);
        px_block_release(block);
    }
    return grown;
}

void px_block_release(void *block)
{
    struct free_block *free_block = block;
    size_t usable = block ? malloc_usable_size(block) : 0;

    if (PX_SANITIZED || usable < LEAST_BLOCK || usable >= 2 * (size_t)PX_BLOCK_MAX) {
        free(block);
        return;
    }
    unsigned class = usable >= PX_BLOCK_MAX ? CLASSES - 1 : class_within(usable);
    size_t size = class_size(class), *kept = &blocks.kept[size <= SMALL];
    pthread_mutex_lock(&blocks.lock);
    bool keep = *kept + size <= limit(size);
    if (keep) {
        free_block->next = blocks.free[class];
        blocks.free[class] = free_block;
        *kept += size;
    }
    pthread_mutex_unlock(&blocks.lock);
    if (!keep)
        free(block);
}
