#include "base/large.h"

#include <malloc.h>
#include <sys/mman.h>

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20 };

void *px_large_alloc(size_t size)
{
    size_t huge = size / HUGE_PAGE * HUGE_PAGE;
    /* Unlike aligned_alloc(), memalign() takes sizes that are no multiple of the alignment. */
    void *memory = memalign(huge ? HUGE_PAGE : CACHE_LINE, size);

    if (memory && huge)
        madvise(memory, huge, MADV_HUGEPAGE); /* advice: a refusal changes nothing */
    return memory;
}
