#ifndef SERVER_WORK_PARTS_QUEUE_PARTS_H
#define SERVER_WORK_PARTS_QUEUE_PARTS_H

/* What the files of the queue share: queue.c (its life, admission and drops), tasks.c
 * (codec threads), batches.c (workers) and turns.c (whose turn it is). Everything here needs the
 * lock. */

#include <pthread.h>

#include "server/work/admission.h"
#include "server/work/fair.h"
#include "server/work/picture_room.h"
#include "server/work/queue.h"
#include "server/work/tally.h"

struct px_group {
    size_t running;    /* singles with a batch */
    size_t with_plans; /* singles that hold memory for plans */
    uint64_t turns;    /* that its workers have begun */
    bool team_runs;
};

struct px_queue {
    pthread_mutex_t lock;
    pthread_cond_t tasks; /* something for a codec thread */
    struct px_queue_options options;
    struct px_admission admission;
    struct px_picture_room room;
    struct px_tally tally; /* of all jobs in the queue */

    /* Jobs that wait; those with two are by job->heavy. */
    struct px_fair submitted, read[2];
    struct px_job_list ready, inferred[2], dropped;
    struct px_job_list parked; /* READ, and waits for its model to be loaded */

    size_t waiting;            /* places taken: reserved, and SUBMITTED to READY */
    size_t own[PX_FAIR_FLOWS]; /* of these, by flow */
    size_t clients;            /* flows with a place */
    size_t heavy_tasks;        /* heavy jobs with codec threads */
    size_t heavy_ahead;        /* heavy jobs DECODING or READY */
    bool heavy_last;           /* whether the last task was heavy */
    bool closed;

    struct px_seat *idle; /* workers that wait, for a job or for more of them, first come first */
    size_t idle_count;
    struct px_group *groups;
    struct px_group *draining; /* takes nothing new, for its team to take the first job; or NULL */
    struct px_pace_table paces;
};

/* The job gives its place up: a worker takes it, it failed, or it is dropped. */
void px_queue_give_place(struct px_queue *queue, const struct px_job *job);

/* The job, taken out of its list, goes to a codec thread to be answered as unwanted. */
void px_queue_drop(struct px_queue *queue, struct px_job *job);

/* The functions of turns.c: */

/* The first ready job, in its list, that it is the worker's turn to take; NULL: there is none. */
struct px_job **px_queue_turn(struct px_queue *queue, const struct px_seat *seat);

/* Whether it must give up the memory of its plans, for its team. */
bool px_queue_must_yield(struct px_queue *queue, const struct px_seat *seat);

/* What the worker took, gave up or was busy with before is over. */
void px_queue_end_turn(struct px_queue *queue, struct px_seat *seat);
/* The worker takes a batch that begins with this job. */
void px_queue_begin_turn(struct px_queue *queue, struct px_seat *seat, const struct px_job *job);

/* Wakes a worker whose turn it is, if one waits. */
void px_queue_wake_worker(struct px_queue *queue);

/* While the queue drains, any step may be the one that ends the waits of all. */
void px_queue_wake_if_closed(struct px_queue *queue);

#endif
