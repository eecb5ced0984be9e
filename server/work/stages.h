#ifndef SERVER_WORK_STAGES_H
#define SERVER_WORK_STAGES_H

/* What codec threads do to a job (see job.h for its way). Each function needs a job that the
 * calling thread owns, takes its time, and returns 0 or an error code with the problem document in
 * job->reply. */

#include "server/work/job.h"

/* The body -> fields, model, the sizes of everything to come, and the memory they take. */
int px_job_read(struct px_job *job);

/* The body, which is freed, -> `input`. */
int px_job_decode(struct px_job *job);

/* `output`, which is freed, -> `reply`. */
int px_job_encode(struct px_job *job);

#endif
