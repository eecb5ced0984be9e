#include "base/large.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20 };

void *px_large_alloc(size_t size)
{
    size_t huge = size / HUGE_PAGE * HUGE_PAGE, alignment = huge ? HUGE_PAGE : CACHE_LINE;
    /* aligned_alloc() wants a multiple; pages that nobody touches cost nothing. */
    void *memory = aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));

    if (memory && huge)
        madvise(memory, huge, MADV_HUGEPAGE); /* advice: a refusal changes nothing */
    return memory;
}
