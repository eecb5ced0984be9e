#ifndef SERVER_WORK_QUEUE_H
#define SERVER_WORK_QUEUE_H

/* The bounded queue between HTTP threads, codec threads and workers (see job.h for the way of a
 * job). Four lists under one lock: jobs to read, to decode, ready for a worker, to finish.
 *
 * Admission counts the jobs that wait or are being prepared: when `limit` do, the next is refused.
 * Decoded pixels are large, so codec threads prepare only `ahead` jobs more than the workers have
 * taken; finishing goes before preparing. A worker that is free takes what is ready, the oldest
 * first, together with others that match it, but leaves a share to idle colleagues. Batches are
 * powers of two (or the largest allowed), so that few plans are needed.
 *
 * It takes them at once, unless waiting could make the batch larger and costs nothing else: jobs
 * are being prepared that may match, and nothing is ready that does not. Even then it waits no
 * longer than until the oldest has been ready for `delay_ns`. A lone job never waits.
 *
 * Pictures are decoded only while there is room for their pixels, oldest first; one that is larger
 * than all the room goes alone.
 *
 * Every function may be called from any thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "server/work/job.h"

struct px_queue;

struct px_queue_options {
    size_t limit;         /* jobs that may wait */
    size_t ahead;         /* jobs prepared before a worker asks */
    size_t picture_bytes; /* bytes of pixels that jobs may have */
    int64_t delay_ns;     /* how long a job that is ready may wait for others; 0: not at all */
};

int px_queue_create(struct px_queue **out, const struct px_queue_options *options,
                    struct px_error *err);
void px_queue_destroy(struct px_queue *queue); /* empty by then; accepts NULL */

/* Takes a place; BUSY where there is none or the queue is closed. A place that was taken is used
 * by exactly one px_queue_submit(). */
int px_queue_reserve(struct px_queue *queue, struct px_error *err);
void px_queue_submit(struct px_queue *queue, struct px_job *job);

enum px_task { PX_TASK_NONE, PX_TASK_READ, PX_TASK_DECODE, PX_TASK_FINISH };

/* For codec threads: blocks until there is something to do; NONE once the queue is closed and
 * nothing can come any more. A job to READ must be handed to px_queue_read_done() with
 * job->kept_bytes and job->decode_bytes set, one to DECODE to px_queue_decode_done(), whatever
 * became of it: 0 hands it on to the next step, an error gives its place back (the job stays with
 * the caller). */
enum px_task px_queue_take_task(struct px_queue *queue, struct px_job **job);
void px_queue_read_done(struct px_queue *queue, struct px_job *job, int rc);
void px_queue_decode_done(struct px_queue *queue, struct px_job *job, int rc);

/* For workers: blocks until at least one job is ready; 0 once the queue is closed and drained.
 * Writes at most `max` matching jobs. */
size_t px_queue_take_batch(struct px_queue *queue, struct px_job **jobs, size_t max);
/* Hands a job of a batch on to be finished; px_queue_finish_done() closes its account. */
void px_queue_infer_done(struct px_queue *queue, struct px_job *job);
void px_queue_finish_done(struct px_queue *queue, const struct px_job *job);

/* No more admissions; everything that is in the queue is still worked off. */
void px_queue_close(struct px_queue *queue);

/* Takes out all jobs that no thread works on yet, linked by `next`, for the caller to fail. */
struct px_job *px_queue_cancel(struct px_queue *queue);

struct px_queue_state {
    size_t waiting;          /* admitted and not yet with a worker */
    size_t preparing, ready; /* of these: being read or decoded, decoded */
    size_t inferring, finishing;
    size_t picture_bytes;  /* bytes of pixels that jobs have */
    size_t idle;           /* workers that wait */
    double oldest_seconds; /* how long the next job has waited for its next step; 0 without one */
};
struct px_queue_state px_queue_state(struct px_queue *queue);

#endif
