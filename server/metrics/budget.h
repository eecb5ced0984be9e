#ifndef SERVER_METRICS_BUDGET_H
#define SERVER_METRICS_BUDGET_H

/* A number of bytes that several threads share and take from before they allocate. Plain data; any
 * thread. */

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct px_budget {
    size_t limit; /* set before the first thread */
    atomic_size_t used;
};

/* False, with nothing taken, if fewer bytes are left. */
static inline bool px_budget_take(struct px_budget *budget, size_t bytes)
{
    if (bytes > budget->limit)
        return false;
    if (atomic_fetch_add(&budget->used, bytes) <= budget->limit - bytes)
        return true;
    atomic_fetch_sub(&budget->used, bytes);
    return false;
}

static inline void px_budget_release(struct px_budget *budget, size_t bytes)
{
    size_t before = atomic_fetch_sub(&budget->used, bytes);

    assert(before >= bytes);
    (void)before;
}

#endif
