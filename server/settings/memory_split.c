#include "server/settings/memory_split.h"

#include <assert.h>

#include "base/bounds.h"

static const uint64_t MIB = (uint64_t)1 << 20;
static const uint64_t DEFAULT_PLANS = (uint64_t)1 << 30;
static const uint64_t DEFAULT_REQUESTS = (uint64_t)512 << 20;
static const uint64_t PROGRAM = (uint64_t)64 << 20; /* oneDNN's code, threads, codecs */

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

struct px_memory_split px_memory_split_plan(const struct px_server_settings *settings,
                                            const struct px_memory_needs *needs)
{
    const uint64_t left = minus(needs->total - needs->total / 10, PROGRAM + needs->weights);
    struct px_memory_split split = {.total = needs->total,
                                    .program = PROGRAM,
                                    .plans = settings->memory_limit,
                                    .requests = settings->request_memory};

    assert(needs->workers >= 1 && needs->singles >= 0);
    if (split.requests == 0)
        split.requests = px_at_least(px_at_most(left / 4, DEFAULT_REQUESTS), settings->max_body);
    if (split.plans == 0)
        split.plans =
            px_at_most(px_at_least(minus(left, 2 * split.requests) / (uint64_t)needs->workers, MIB),
                       DEFAULT_PLANS);
    split.team = needs->singles > 0 ? split.plans / 2 : split.plans;
    split.single = needs->singles > 0 ? split.plans / 2 / (uint64_t)needs->singles : 0;
    return split;
}
