#include "tests/server/work/queues.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Places, shares, stages and endings of jobs. */

static void test_limit(void **state)
{
    struct fixture f;
    struct px_error err = {0};
    struct px_job *jobs[4];

    (void)state;
    queues_begin(&f, 3, 16);
    queues_make_ready(&f, 0, 1);
    queues_admit(&f, 2);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, &err), -PX_E_BUSY);
    assert_int_equal(queues_take_batch(f.queue, jobs, 1), 1);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, &err), 0);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, &err), -PX_E_BUSY);
    px_queue_destroy(f.queue);
}

static void test_failed_gives_back(void **state)
{
    struct fixture f;

    (void)state;
    queues_begin(&f, 1, 16);
    queues_admit(&f, 0);
    queues_expect_task(&f, PX_TASK_READ, 0);
    px_queue_read_done(f.queue, &f.jobs[0], -PX_E_INVALID);
    f.jobs[1].kept_bytes = f.jobs[1].decode_bytes = 600;
    queues_decode(&f, 1);
    px_queue_decode_done(f.queue, &f.jobs[1], -PX_E_UNPROCESSABLE);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 0);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, NULL), 0);
    px_queue_destroy(f.queue);
}

/* Lets the only job be computed and encoded, to an answer of answer_size bytes. */
static void complete(struct fixture *f, size_t i, size_t answer_size)
{
    struct px_job *jobs[1];

    assert_int_equal(queues_take_batch(f->queue, jobs, 1), 1);
    assert_ptr_equal(jobs[0], &f->jobs[i]);
    px_queue_infer_done(f->queue, jobs[0]);
    queues_expect_task(f, PX_TASK_ENCODE, i);
    f->jobs[i].reply.size = answer_size;
    px_queue_end(f->queue, &f->jobs[i]);
}

/* There is room for 1000 bytes of light pictures; those over 500 are heavy and have 3000. */
static void test_pictures(void **state)
{
    struct fixture f;

    (void)state;
    queues_begin(&f, 16, 16);
    for (size_t i = 0; i < 4; i++) {
        f.jobs[i].kept_bytes = 200;
        f.jobs[i].decode_bytes = 300;
    }
    queues_decode(&f, 0);
    queues_decode(&f, 1);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 1000);
    queues_read(&f, 2);
    queues_read(&f, 3); /* no room for job 2, so that what comes later is only read */
    px_queue_decode_done(f.queue, &f.jobs[0], 0);
    px_queue_decode_done(f.queue, &f.jobs[1], 0);
    queues_expect_task(&f, PX_TASK_DECODE, 2); /* 200 + 200 + 500 */
    complete(&f, 0, 0);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 700);
    px_queue_decode_done(f.queue, &f.jobs[2], 0);
    queues_expect_task(&f, PX_TASK_DECODE, 3);
    px_queue_destroy(f.queue);
}

static void test_answers(void **state)
{
    struct fixture f;

    (void)state;
    queues_begin(&f, 16, 16);
    for (size_t i = 0; i < 4; i++)
        f.jobs[i].kept_bytes = 500;
    for (size_t i = 0; i < 2; i++) {
        queues_make_ready(&f, i, i);
        complete(&f, i, 400);
    }
    assert_int_equal(px_queue_state(f.queue).answer_bytes, 800);
    queues_read(&f, 2); /* there is room for 200 bytes */
    queues_read(&f, 3);
    px_queue_release(f.queue, &f.jobs[0]);
    px_queue_release(f.queue, &f.jobs[0]); /* once is enough */
    assert_int_equal(px_queue_state(f.queue).answer_bytes, 400);
    queues_expect_task(&f, PX_TASK_DECODE, 2);
    px_queue_destroy(f.queue);
}

static void test_heavy(void **state)
{
    struct fixture f;

    (void)state;
    queues_begin(&f, 16, 16);
    for (size_t i = 0; i < 6; i++)
        f.jobs[i].decode_bytes = 900;
    queues_decode(&f, 0);
    queues_decode(&f, 1);
    queues_decode(&f, 2);
    /* A fourth must leave a codec thread to others, and one over the room would have to wait. */
    queues_read(&f, 3);
    queues_decode(&f, 10);
    queues_decode(&f, 11);
    px_queue_decode_done(f.queue, &f.jobs[0], 0);
    queues_expect_task(&f, PX_TASK_DECODE, 3);
    px_queue_destroy(f.queue);
}

static void test_shares(void **state)
{
    static const size_t order[] = {0, 8, 1, 9, 2, 3};
    struct fixture f;

    (void)state;
    queues_begin(&f, 100, 16);
    for (size_t i = 0; i < 8; i++)
        f.jobs[i].client = 1000;
    for (size_t i = 8; i < 10; i++)
        f.jobs[i].client = 2000;
    for (size_t i = 0; i < 4; i++)
        queues_admit(&f, i);
    for (size_t i = 8; i < 10; i++)
        queues_admit(&f, i);
    for (size_t i = 0; i < 6; i++)
        queues_expect_task(&f, PX_TASK_READ, order[i]);
    px_queue_destroy(f.queue);
}

static void test_places(void **state)
{
    struct fixture f;
    struct px_error err = {0};

    (void)state;
    queues_begin(&f, 8, 16);
    for (size_t i = 0; i < 8; i++)
        f.jobs[i].client = 1000;
    for (size_t i = 0; i < 6; i++)
        queues_admit(&f, i);
    assert_int_equal(px_queue_reserve(f.queue, 1000, 0, &err), -PX_E_BUSY);
    assert_non_null(strstr(err.message, "of this client"));
    assert_int_equal(px_queue_check(f.queue, 2000, 0, &err), 0);
    assert_int_equal(px_queue_reserve(f.queue, 2000, 0, &err), 0);
    assert_int_equal(px_queue_reserve(f.queue, 2000, 0, &err), 0);
    assert_int_equal(px_queue_reserve(f.queue, 2000, 0, &err), -PX_E_BUSY);
    px_queue_destroy(f.queue);
}

static void expect_drop(struct fixture *f, size_t i, enum px_job_stage from)
{
    queues_expect_task(f, PX_TASK_DROP, i);
    assert_int_equal(f->jobs[i].dropped_from, from);
    px_queue_end(f->queue, &f->jobs[i]);
    assert_int_equal(f->jobs[i].stage, PX_JOB_DONE);
}

static void test_unwanted(void **state)
{
    struct fixture f;
    struct px_job *jobs[4];

    (void)state;
    queues_begin(&f, 16, 16);
    for (size_t i = 0; i < 6; i++)
        f.jobs[i].kept_bytes = 100;
    queues_make_ready(&f, 0, 2);
    queues_read(&f, 3);
    assert_int_equal(queues_take_batch(f.queue, jobs, 1), 1);
    px_queue_infer_done(f.queue, jobs[0]);
    f.jobs[4].allowance_ns = 1;
    queues_admit(&f, 4);
    for (size_t i = 0; i < 4; i += i == 0 ? 2 : 1)
        atomic_store(&f.jobs[i].cancelled, true);
    px_queue_sweep(f.queue);
    expect_drop(&f, 4, PX_JOB_SUBMITTED);
    expect_drop(&f, 3, PX_JOB_READ);
    expect_drop(&f, 2, PX_JOB_READY);
    expect_drop(&f, 0, PX_JOB_INFERRED);
    assert_int_equal(queues_take_batch(f.queue, jobs, 4), 1);
    assert_ptr_equal(jobs[0], &f.jobs[1]);
    assert_int_equal(px_queue_state(f.queue).waiting, 0);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 100);
    px_queue_destroy(f.queue);
}

static void test_loading(void **state)
{
    struct fixture f;
    struct px_error why = {.code = PX_E_IO};

    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        queues_begin(&f, 16, 16);
        queues_models[LOADING].progress = px_model_progress_create();
        f.jobs[0].model = f.jobs[1].model = &queues_models[LOADING];
        queues_read(&f, 0);
        queues_read(&f, 1);
        px_queue_sweep(f.queue);
        queues_decode(&f, 2); /* it does not stand in the way of others */
        atomic_store(&f.jobs[0].cancelled, true);
        px_queue_sweep(f.queue);
        expect_drop(&f, 0, PX_JOB_READ);
        if (fails)
            px_model_progress_fail(queues_models[LOADING].progress, &why);
        else
            px_model_progress_finish(queues_models[LOADING].progress,
                                     (char[PX_SHA256_HEX_SIZE]){""}, 1);
        px_queue_sweep(f.queue);
        queues_expect_task(&f, PX_TASK_DECODE, 1);
        px_queue_decode_done(f.queue, &f.jobs[1], -PX_E_IO);
        px_queue_decode_done(f.queue, &f.jobs[2], -PX_E_IO);
        assert_int_equal(px_queue_state(f.queue).waiting, 0);
        px_queue_destroy(f.queue);
        px_model_progress_unref(queues_models[LOADING].progress);
    }
}

static void test_never_begun(void **state)
{
    struct fixture f;
    struct px_job *jobs[4];

    (void)state;
    queues_begin(&f, 16, 16);
    queues_admit(&f, 0);
    queues_admit(&f, 1);
    atomic_store(&f.jobs[0].cancelled, true);
    expect_drop(&f, 0, PX_JOB_SUBMITTED);
    queues_expect_task(&f, PX_TASK_READ, 1);
    px_queue_read_done(f.queue, &f.jobs[1], 0);
    atomic_store(&f.jobs[1].cancelled, true);
    expect_drop(&f, 1, PX_JOB_READ);
    queues_make_ready(&f, 2, 3);
    atomic_store(&f.jobs[2].cancelled, true);
    assert_int_equal(queues_take_batch(f.queue, jobs, 4), 1);
    assert_ptr_equal(jobs[0], &f.jobs[3]);
    expect_drop(&f, 2, PX_JOB_READY);
    px_queue_destroy(f.queue);
}

static void test_codec_order(void **state)
{
    struct fixture f;
    struct px_job *jobs[1];

    (void)state;
    queues_begin(&f, 16, 16);
    queues_make_ready(&f, 0, 0);
    queues_read(&f, 1);
    queues_admit(&f, 2);
    assert_int_equal(queues_take_batch(f.queue, jobs, 1), 1);
    px_queue_infer_done(f.queue, jobs[0]);
    queues_expect_task(&f, PX_TASK_ENCODE, 0);
    assert_int_equal(px_queue_state(f.queue).finishing, 1);
    px_queue_end(f.queue, jobs[0]);
    assert_int_equal(px_queue_state(f.queue).finishing, 0);
    queues_expect_task(&f, PX_TASK_READ, 2);
    queues_expect_task(&f, PX_TASK_DECODE, 1);
    px_queue_destroy(f.queue);
}

static void test_drop_all(void **state)
{
    struct fixture f;
    struct px_job *jobs[1], *job;

    (void)state;
    queues_begin(&f, 16, 16);
    queues_make_ready(&f, 0, 1);
    queues_read(&f, 2);
    queues_admit(&f, 3);
    assert_false(px_queue_is_closed(f.queue));
    px_queue_close(f.queue);
    assert_true(px_queue_is_closed(f.queue));
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, NULL), -PX_E_BUSY);
    px_queue_drop_all(f.queue);
    assert_int_equal(queues_take_batch(f.queue, jobs, 1), 0);
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(px_queue_take_task(f.queue, &job), PX_TASK_DROP);
        px_queue_end(f.queue, job);
    }
    assert_int_equal(px_queue_take_task(f.queue, &job), PX_TASK_NONE);
    px_queue_destroy(f.queue);
}

static void *take_task(void *argument)
{
    struct fixture *f = argument;
    struct px_job *job;

    return px_queue_take_task(f->queue, &job) == PX_TASK_DECODE ? f : NULL;
}

/* Jobs 0 and 4 take all the room, so that three threads wait for one to go. */
static void test_all_wake(void **state)
{
    struct fixture f;
    pthread_t threads[3];
    void *decodes;

    (void)state;
    queues_begin(&f, 16, 16);
    f.jobs[0].decode_bytes = 500;
    f.jobs[4].decode_bytes = 500;
    queues_decode(&f, 0);
    queues_decode(&f, 4);
    for (size_t i = 1; i < 4; i++) {
        f.jobs[i].decode_bytes = 100;
        queues_read(&f, i);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_task, &f), 0);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* for them to wait */
    px_queue_decode_done(f.queue, &f.jobs[0], 0);
    for (int i = 0; i < 500 && px_queue_state(f.queue).preparing < 4; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(px_queue_state(f.queue).preparing, 4);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &decodes);
        assert_ptr_equal(decodes, &f);
    }
    px_queue_destroy(f.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("the queue refuses what is over its limit until a worker takes something",
              test_limit),
        CHECK("a job that cannot be prepared gives its place back", test_failed_gives_back),
        CHECK("pictures are decoded while there is room for them", test_pictures),
        CHECK("answers take room until their clients have them", test_answers),
        CHECK("heavy pictures leave a codec thread and their own room to others", test_heavy),
        CHECK("a client with many jobs takes turns with one that has few", test_shares),
        CHECK("a client cannot take all places, and several share them", test_places),
        CHECK("a sweep drops what is late or cancelled, wherever it waits", test_unwanted),
        CHECK("a job waits until its model is loaded, or has failed", test_loading),
        CHECK("no stage begins with a job that is late or cancelled", test_never_begun),
        CHECK("codec threads encode before they read, and read before they decode",
              test_codec_order),
        CHECK("all codec threads wake up where a large picture makes room for several",
              test_all_wake),
        CHECK("dropping all takes out what no thread works on", test_drop_all),
    };
    return queues_run(tests, sizeof tests / sizeof *tests);
}
