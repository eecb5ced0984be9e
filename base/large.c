#include "base/large.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sanitized.h"

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20, LEAST_MAPPED = 256 << 10 };

/* A refusal changes nothing. */
static void advise(void *memory, size_t size)
{
    if (size >= HUGE_PAGE)
        madvise(memory, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
}

void *px_large_alloc(size_t size)
{
    /* Unlike aligned_alloc(), memalign() takes sizes that are no multiple of the alignment. */
    void *memory = memalign(size >= HUGE_PAGE ? HUGE_PAGE : CACHE_LINE, size);

    if (memory)
        advise(memory, size);
    return memory;
}

/* Whole pages. */
static size_t mapped_size(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) & ~(page - 1);
}

void *px_large_map(size_t size)
{
    if (PX_SANITIZED || size < LEAST_MAPPED)
        return px_large_alloc(size);
    size_t whole = mapped_size(size), spare = size >= HUGE_PAGE ? HUGE_PAGE : 0;
    char *start =
        mmap(NULL, whole + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED)
        return NULL;
    if (spare == 0)
        return start;
    size_t before = -(uintptr_t)start % HUGE_PAGE;
    char *memory = start + before;
    if (before > 0)
        munmap(start, before);
    if (before < spare)
        munmap(memory + whole, spare - before);
    advise(memory, size);
    return memory;
}

void px_large_unmap(void *memory, size_t size)
{
    if (PX_SANITIZED || size < LEAST_MAPPED)
        free(memory);
    else if (memory)
        munmap(memory, mapped_size(size));
}
