#ifndef SERVER_WORK_TALLY_H
#define SERVER_WORK_TALLY_H

/* How many jobs are in each stage. The counts change only together with a job's stage, so that they
 * cannot disagree with it. Plain data; the caller locks. */

#include "server/work/job.h"

struct px_tally {
    size_t count[PX_JOB_STAGE_COUNT]; /* ARRIVING and DONE are not counted */
};

/* px_job_move(), counted; asserts that the job was counted before. */
void px_tally_move(struct px_tally *tally, struct px_job *job, enum px_job_stage to);

/* Jobs in the stages first..last. */
size_t px_tally_sum(const struct px_tally *tally, enum px_job_stage first, enum px_job_stage last);

#endif
