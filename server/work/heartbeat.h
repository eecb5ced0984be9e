#ifndef SERVER_WORK_HEARTBEAT_H
#define SERVER_WORK_HEARTBEAT_H

/* Whether a worker still gets on with its batch: it beats at the start and before every layer of
 * the network. Written by the worker, read by any thread. */

#include <stdatomic.h>
#include <stdint.h>

struct px_heartbeat {
    atomic_llong last_ns; /* of the batch under way; 0: there is none */
};

static inline void px_heartbeat_beat(struct px_heartbeat *heartbeat, int64_t now_ns)
{
    atomic_store_explicit(&heartbeat->last_ns, now_ns, memory_order_relaxed);
}

/* The batch is done. */
static inline void px_heartbeat_rest(struct px_heartbeat *heartbeat)
{
    px_heartbeat_beat(heartbeat, 0);
}

/* How long ago the last beat of a batch under way was; 0 for a worker that rests. */
static inline int64_t px_heartbeat_age_ns(const struct px_heartbeat *heartbeat, int64_t now_ns)
{
    int64_t last = atomic_load_explicit(&heartbeat->last_ns, memory_order_relaxed);

    return last != 0 && now_ns > last ? now_ns - last : 0;
}

#endif
