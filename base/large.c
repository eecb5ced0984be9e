#include "base/large.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20, LEAST_MAPPED = 256 << 10 };

/* Sanitizers see every mistake in blocks of malloc() only. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED false
#endif

void *px_large_alloc(size_t size)
{
    size_t huge = size / HUGE_PAGE * HUGE_PAGE;
    /* Unlike aligned_alloc(), memalign() takes sizes that are no multiple of the alignment. */
    void *memory = memalign(huge ? HUGE_PAGE : CACHE_LINE, size);

    if (memory && huge)
        madvise(memory, huge, MADV_HUGEPAGE); /* advice: a refusal changes nothing */
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
    if (SANITIZED || size < LEAST_MAPPED)
        return px_large_alloc(size);
    size_t huge = size / HUGE_PAGE * HUGE_PAGE, spare = huge ? HUGE_PAGE : 0;
    size_t whole = mapped_size(size);
    char *start =
        mmap(NULL, whole + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED)
        return NULL;
    if (!huge)
        return start;
    size_t before = -(uintptr_t)start % HUGE_PAGE;
    char *memory = start + before;
    if (before > 0)
        munmap(start, before);
    if (before < spare)
        munmap(memory + whole, spare - before);
    madvise(memory, huge, MADV_HUGEPAGE); /* advice: a refusal changes nothing */
    return memory;
}

void px_large_unmap(void *memory, size_t size)
{
    if (SANITIZED || size < LEAST_MAPPED)
        free(memory);
    else if (memory)
        munmap(memory, mapped_size(size));
}
