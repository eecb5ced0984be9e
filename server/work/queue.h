#ifndef SERVER_WORK_QUEUE_H
#define SERVER_WORK_QUEUE_H

/* The bounded queue between HTTP threads, codec threads and workers (job.h shows a job's way). All
 * of it is under one lock, which is held for list operations only.
 *
 *   admission     by number, time and client: server/work/admission.h
 *   order         every client has its share of codec threads and workers: server/work/fair.h
 *   memory        a picture is decoded when there is room for it: server/work/picture_room.h
 *   models        a job whose model is still being loaded waits until it is, or has failed
 *   time          jobs that are late or cancelled are dropped before the next stage:
 *                 server/work/request_deadline.h, server/work/cancel.h
 *
 * Codec threads encode before they read and read before they decode. Heavy jobs (picture_room.h)
 * leave one codec thread to the others, if there are several; else they take turns. Pictures are
 * decoded only `ahead` of the workers, and heavy ones at most a quarter of that.
 *
 * Workers come alone (without a group), or in elastic groups: as many workers of one thread as the
 * group has CPUs, its singles, and a team with a thread on each of those CPUs. The team takes what
 * is ready while no single of its group runs, if there are no more jobs, ready or on the way, than
 * half the CPUs of the idle groups (at least one for each group), and if it is quicker for such a
 * picture than a single (pace.h). Else singles take it. While a team runs, its singles
 * wait. A job that is team_only goes to a team whose singles have finished and given up the memory
 * of their plans; they take nothing new until it has it, so that it is not passed over for ever.
 *
 * A worker that is free takes what is ready, the oldest first, together with others that match it,
 * but leaves a share to idle colleagues. Batches are powers of two (or the largest allowed), so
 * that few plans are needed. It takes them at once, unless waiting could make the batch larger and
 * costs nothing else: jobs are being decoded that may match, and nothing is ready that does not.
 * Even then it waits no longer than until the oldest has been ready for `delay_ns`. A lone job
 * never waits.
 *
 * What codec threads call is in tasks.c, what workers call in batches.c; the turns of groups and
 * px_seat_init() are in turns.c. Every function may be called from any thread. */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "server/work/job.h"
#include "server/work/pace.h"

struct px_queue;

struct px_queue_options {
    size_t limit;         /* jobs that may wait */
    int64_t max_wait_ns;  /* for at most this long, at the present rate; 0: no limit */
    size_t ahead;         /* jobs decoded before a worker asks */
    size_t codecs;        /* codec threads */
    size_t picture_bytes; /* bytes that jobs may have from decoding on, with their answers */
    int64_t delay_ns;     /* how long a ready job may wait for others; 0: not at all */
    size_t groups;        /* of workers; 0: all come alone */
    size_t group_cpus; /* of each group: the threads of its team, and the number of its singles */
};

int px_queue_create(struct px_queue **out, const struct px_queue_options *options,
                    struct px_error *err);
void px_queue_destroy(struct px_queue *queue); /* empty by then; accepts NULL */

/* Takes a place for a job of the client, which has `allowance_ns` for its answer (0: any time).
 * BUSY: there is no place, or the answer would be late, or the queue is closed. A place that was
 * taken is used by exactly one px_queue_submit(), of a job of that client. */
int px_queue_reserve(struct px_queue *queue, uint64_t client, int64_t allowance_ns,
                     struct px_error *err);
/* The same without taking it: whether it is worth receiving the request's body. */
int px_queue_check(struct px_queue *queue, uint64_t client, int64_t allowance_ns,
                   struct px_error *err);
/* For Retry-After: in how many seconds those that wait now will be done. */
int px_queue_retry_seconds(struct px_queue *queue);

/* Sets the job's deadline, from now on. */
void px_queue_submit(struct px_queue *queue, struct px_job *job);

/* After job->done(), once the client has taken the answer or is gone: releases the memory that was
 * counted for it. */
void px_queue_release(struct px_queue *queue, struct px_job *job);

enum px_task { PX_TASK_NONE, PX_TASK_READ, PX_TASK_DECODE, PX_TASK_ENCODE, PX_TASK_DROP };

/* For codec threads: blocks until there is something to do; NONE once the queue is closed and
 * nothing can come any more. A job to READ must be handed to px_queue_read_done() with
 * job->kept_bytes, job->decode_bytes and job->cost set, one to DECODE to px_queue_decode_done(),
 * whatever became of it: 0 hands it on to the next stage, an error ends its stay (the job stays
 * with the caller). One to ENCODE or DROP is handed to px_queue_end() with its reply made, and
 * stays with the caller, too. */
enum px_task px_queue_take_task(struct px_queue *queue, struct px_job **job);
void px_queue_read_done(struct px_queue *queue, struct px_job *job, int rc);
void px_queue_decode_done(struct px_queue *queue, struct px_job *job, int rc);
void px_queue_end(struct px_queue *queue, struct px_job *job);

/* A worker's place in the queue, in the worker's memory; it serves one thread. */
enum { PX_NO_GROUP = -1 };

struct px_seat {
    int group; /* index, or PX_NO_GROUP */
    bool team; /* of the group; else a single */
    /* Set by the worker: how long the picture that it took last was computed, if it was alone in
     * its batch, its plan was there, and all went well. */
    int64_t picture_ns;
    bool yields; /* px_queue_take_batch() returned 0 for the worker to drop all of its plans */
    /* The queue's. */
    bool runs, has_plans;
    uint64_t turn; /* of its group, if no other worker of that was running when it began; else 0 */
    struct px_pace_kind kind; /* of the batch taken last */
    pthread_cond_t wake;
    struct px_seat *next; /* while it waits */
};

/* A single is taken to have plans at first. */
void px_seat_init(struct px_seat *seat, struct px_queue *queue, int group, bool team);
void px_seat_clear(struct px_seat *seat); /* once the worker's thread has ended */

/* For workers: blocks until it is the worker's turn with at least one ready job. Writes at most
 * `max` matching jobs; each is handed on by px_queue_infer_done(). 0 once the queue is closed and
 * drained, if none came before `end_ns` (INT64_MAX: no limit), or if seat->yields. */
size_t px_queue_take_batch(struct px_queue *queue, struct px_seat *seat, struct px_job **jobs,
                           size_t max, int64_t end_ns);
void px_queue_infer_done(struct px_queue *queue, struct px_job *job);

/* Instead, for a job that turned out too large for a single: it becomes team_only, and the next. */
void px_queue_hand_over(struct px_queue *queue, struct px_job *job);

/* Drops late and cancelled jobs now, not when their turn comes, and resumes those whose models have
 * been loaded. Call it now and then. */
void px_queue_sweep(struct px_queue *queue);

/* Admits no more jobs; those in the queue are still done. */
void px_queue_close(struct px_queue *queue);
bool px_queue_is_closed(struct px_queue *queue);

/* Drops all jobs that no thread works on yet. */
void px_queue_drop_all(struct px_queue *queue);

struct px_queue_state {
    size_t waiting;          /* admitted and not yet with a worker */
    size_t preparing, ready; /* of these: being read or decoded, decoded */
    size_t inferring, finishing;
    size_t picture_bytes;   /* bytes of pixels and answers that jobs have, at most */
    size_t answer_bytes;    /* of these: bytes of answers that are waiting for their clients */
    size_t idle;            /* workers that wait */
    double oldest_seconds;  /* how long the next job has waited for its next stage; 0 without one */
    double seconds_per_job; /* at which the queue is worked off; 0: not known yet */
};
struct px_queue_state px_queue_state(struct px_queue *queue);

#endif
