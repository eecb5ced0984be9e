#ifndef TESTS_SERVER_WORK_QUEUES_H
#define TESTS_SERVER_WORK_QUEUES_H

/* A queue with sixteen jobs, and what its threads do, step by step. Every step fails the test where
 * it goes wrong. */

#include "tests/check.h"

#include <stddef.h>
#include <stdint.h>

#include "server/work/queue.h"

/* Jobs are matched by the address of their model; only whether it is loaded is looked at here. */
enum { LOADING = 2 }; /* this one is not */
extern struct px_registry_entry queues_models[3];

struct fixture {
    struct px_queue *queue;
    struct px_job jobs[16];
};

/* All jobs are for model 0, of clients of their own, and cost 1. */
void queues_begin(struct fixture *f, size_t limit, size_t ahead);
void queues_begin_delay(struct fixture *f, size_t limit, size_t ahead, int64_t delay_ns);

void queues_admit(struct fixture *f, size_t i);
void queues_expect_task(struct fixture *f, enum px_task task, size_t i);
void queues_read(struct fixture *f, size_t i);   /* submits job i and has it read */
void queues_decode(struct fixture *f, size_t i); /* also begins to decode it */
void queues_make_ready(struct fixture *f, size_t first, size_t last); /* also ends that, of all */

/* As a worker that comes alone. */
size_t queues_take_batch(struct px_queue *queue, struct px_job **jobs, size_t max);

/* Runs the tests with models 0 and 1 loaded: what main() returns. */
int queues_run(const struct CMUnitTest *tests, size_t count);

#endif
