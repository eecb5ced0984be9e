#include "tests/server/work/queues.h"

#include "tests/check.h"

#include <stdbool.h>
#include <string.h>

/* Jobs are matched by the address of their model; only whether it is loaded is looked at here. */
struct px_registry_entry queues_models[3];

void queues_begin_delay(struct fixture *f, size_t limit, size_t ahead, int64_t delay_ns)
{
    const struct px_queue_options options = {
        .limit = limit, .ahead = ahead, .codecs = 4, .picture_bytes = 4000, .delay_ns = delay_ns};

    memset(f, 0, sizeof *f);
    assert_int_equal(px_queue_create(&f->queue, &options, NULL), 0);
    for (size_t i = 0; i < 16; i++) {
        f->jobs[i].model = &queues_models[0];
        f->jobs[i].client = i; /* of their own, but for tests that say otherwise */
        f->jobs[i].cost = 1;
    }
}

void queues_begin(struct fixture *f, size_t limit, size_t ahead)
{
    queues_begin_delay(f, limit, ahead, 0);
}

void queues_admit(struct fixture *f, size_t i)
{
    assert_int_equal(px_queue_reserve(f->queue, f->jobs[i].client, 0, NULL), 0);
    px_queue_submit(f->queue, &f->jobs[i]);
}

/* As a worker that comes alone. */
size_t queues_take_batch(struct px_queue *queue, struct px_job **jobs, size_t max)
{
    struct px_seat seat;

    px_seat_init(&seat, queue, PX_NO_GROUP, false);
    size_t n = px_queue_take_batch(queue, &seat, jobs, max, INT64_MAX);
    px_seat_clear(&seat);
    return n;
}

void queues_expect_task(struct fixture *f, enum px_task task, size_t i)
{
    struct px_job *job;

    assert_int_equal(px_queue_take_task(f->queue, &job), task);
    assert_ptr_equal(job, &f->jobs[i]);
}

/* Submits job i and has it read. */
void queues_read(struct fixture *f, size_t i)
{
    queues_admit(f, i);
    queues_expect_task(f, PX_TASK_READ, i);
    px_queue_read_done(f->queue, &f->jobs[i], 0);
}

/* Submits job i and begins to decode it. */
void queues_decode(struct fixture *f, size_t i)
{
    queues_read(f, i);
    queues_expect_task(f, PX_TASK_DECODE, i);
}

/* Submits jobs first..last and lets them be decoded. */
void queues_make_ready(struct fixture *f, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        queues_decode(f, i);
        px_queue_decode_done(f->queue, &f->jobs[i], 0);
    }
}

int queues_run(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < LOADING; i++) {
        queues_models[i].progress = px_model_progress_create();
        px_model_progress_finish(queues_models[i].progress, (char[PX_SHA256_HEX_SIZE]){""}, 1);
    }
    int failed = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
    for (size_t i = 0; i < LOADING; i++)
        px_model_progress_unref(queues_models[i].progress);
    return failed;
}
