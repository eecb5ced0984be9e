/* Where oneDNN has its memory from in the daemon: operator new and delete, posix_memalign() and
 * free(), which a program may replace. oneDNN takes six small blocks for each convolution that it
 * runs, and a thousand to plan one, and ends the process if one is refused. Here they are used
 * again and again (base/block.h), and what is kept is given back if malloc() has nothing left;
 * behind that there is a reserve. */

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/block.h"

void px_libc_free(void *block) __asm__("__libc_free");
void *px_new(size_t size) __asm__("_Znwm");
void *px_new_array(size_t size) __asm__("_Znam");
void px_delete(void *block) __asm__("_ZdlPv");
void px_delete_array(void *block) __asm__("_ZdaPv");
void px_delete_sized(void *block, size_t size) __asm__("_ZdlPvm");
void px_delete_array_sized(void *block, size_t size) __asm__("_ZdaPvm");

/* Not resident until it is needed. What is taken is only counted: when the last of it comes back,
 * all is free again. */
enum { RESERVE = 4 << 20, RESERVE_ALIGNMENT = 16 };
static struct {
    pthread_mutex_t lock;
    size_t used, blocks;
    alignas(64) char bytes[RESERVE];
} reserve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_of_reserve(const void *block)
{
    return (uintptr_t)block - (uintptr_t)reserve.bytes < RESERVE;
}

/* `alignment` is a power of two. */
static void *take_of_reserve(size_t alignment, size_t size)
{
    void *block = NULL;

    pthread_mutex_lock(&reserve.lock);
    uintptr_t end = (uintptr_t)reserve.bytes + reserve.used;
    size_t gap = -end % alignment, left = RESERVE - reserve.used;
    if (gap < left && size <= left - gap) {
        block = reserve.bytes + reserve.used + gap;
        reserve.used += gap + size;
        reserve.blocks++;
    }
    pthread_mutex_unlock(&reserve.lock);
    return block;
}

static void release_to_reserve(void)
{
    pthread_mutex_lock(&reserve.lock);
    if (--reserve.blocks == 0)
        reserve.used = 0;
    pthread_mutex_unlock(&reserve.lock);
}

/* What oneDNN catches, it answers; the rest ends the process. Not linked by name, because that
 * would need the C++ compiler's files. */
__attribute__((noreturn)) static void throw_bad_alloc(void)
{
    void *found = dlsym(RTLD_DEFAULT, "_ZSt17__throw_bad_allocv");
    void (*throw)(void);

    memcpy(&throw, &found, sizeof throw);
    if (throw)
        throw();
    abort();
}

/* When oneDNN plans a convolution. Blocks end with free(), so that the reserve is of no use here.
 */
int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *block;

    do
        block = memalign(alignment, size);
    while (!block && px_blocks_give_back());
    if (!block)
        block = take_of_reserve(alignment, size);
    if (!block)
        return ENOMEM;
    *out = block;
    return 0;
}

void free(void *block)
{
    if (is_of_reserve(block))
        release_to_reserve();
    else
        px_libc_free(block);
}

void *px_new(size_t size)
{
    void *block = px_block_take(size);

    if (!block)
        block = take_of_reserve(RESERVE_ALIGNMENT, size);
    if (!block)
        throw_bad_alloc();
    return block;
}

void *px_new_array(size_t size)
{
    return px_new(size);
}

void px_delete(void *block)
{
    if (is_of_reserve(block))
        release_to_reserve();
    else
        px_block_release(block);
}

void px_delete_array(void *block)
{
    px_delete(block);
}

void px_delete_sized(void *block, size_t size)
{
    (void)size;
    px_delete(block);
}

void px_delete_array_sized(void *block, size_t size)
{
    (void)size;
    px_delete(block);
}
