#include "server/work/job_list.h"

#include <assert.h>

void px_job_list_init(struct px_job_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
    list->count = 0;
}

void px_job_list_append(struct px_job_list *list, struct px_job *job)
{
    job->next = NULL;
    *list->tail = job;
    list->tail = &job->next;
    list->count++;
}

void px_job_list_prepend(struct px_job_list *list, struct px_job *job)
{
    job->next = list->head;
    if (!list->head)
        list->tail = &job->next;
    list->head = job;
    list->count++;
}

struct px_job *px_job_list_remove(struct px_job_list *list, struct px_job **link)
{
    struct px_job *job = *link;

    assert(job && list->count > 0);
    *link = job->next;
    if (!job->next)
        list->tail = link;
    job->next = NULL;
    list->count--;
    return job;
}
