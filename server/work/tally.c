#include "server/work/tally.h"

#include <assert.h>

static bool is_counted(enum px_job_stage stage)
{
    return stage != PX_JOB_ARRIVING && stage != PX_JOB_DONE;
}

void px_tally_move(struct px_tally *tally, struct px_job *job, enum px_job_stage to)
{
    if (is_counted(job->stage)) {
        assert(tally->count[job->stage] > 0);
        tally->count[job->stage]--;
    }
    px_job_move(job, to);
    if (is_counted(to))
        tally->count[to]++;
}

size_t px_tally_sum(const struct px_tally *tally, enum px_job_stage first, enum px_job_stage last)
{
    size_t sum = 0;

    for (int stage = first; stage <= (int)last; stage++)
        sum += tally->count[stage];
    return sum;
}
