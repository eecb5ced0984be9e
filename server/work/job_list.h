#ifndef SERVER_WORK_JOB_LIST_H
#define SERVER_WORK_JOB_LIST_H

/* A list of jobs, linked by job->next, oldest first. Owns nothing; the caller locks. */

#include <stddef.h>

#include "server/work/job.h"

struct px_job_list {
    struct px_job *head, **tail;
    size_t count;
};

void px_job_list_init(struct px_job_list *list);
void px_job_list_append(struct px_job_list *list, struct px_job *job);
void px_job_list_prepend(struct px_job_list *list, struct px_job *job);

/* Removes the job that *link points to: &list->head, or &job->next of a job of the list. */
struct px_job *px_job_list_remove(struct px_job_list *list, struct px_job **link);

#endif
