#include "server/work/cancel.h"

#include "base/clock.h"
#include "server/work/request_deadline.h"

void px_job_cancel(struct px_job *job)
{
    if (!atomic_exchange(&job->cancelled, true))
        px_queue_sweep(job->server->queue);
}

bool px_batch_is_unwanted(void *watch)
{
    const struct px_batch_watch *batch = watch;
    int64_t now_ns = px_now_ns();

    px_heartbeat_beat(batch->heartbeat, now_ns);
    for (size_t i = 0; i < batch->count; i++)
        if (!px_job_is_unwanted(batch->jobs[i], now_ns))
            return false;
    return true;
}
