#include "tests/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "server/work/queue.h"

/* Jobs are matched by the address of their model; only whether it is loaded is looked at here. */
static struct px_registry_entry models[3];
enum { LOADING = 2 };

struct fixture {
    struct px_queue *queue;
    struct px_job jobs[16];
};

static void set_up_delay(struct fixture *f, size_t limit, size_t ahead, int64_t delay_ns)
{
    const struct px_queue_options options = {
        .limit = limit, .ahead = ahead, .codecs = 4, .picture_bytes = 4000, .delay_ns = delay_ns};

    memset(f, 0, sizeof *f);
    assert_int_equal(px_queue_create(&f->queue, &options, NULL), 0);
    for (size_t i = 0; i < 16; i++) {
        f->jobs[i].model = &models[0];
        f->jobs[i].client = i; /* of their own, but for tests that say otherwise */
        f->jobs[i].cost = 1;
    }
}

static void set_up(struct fixture *f, size_t limit, size_t ahead)
{
    set_up_delay(f, limit, ahead, 0);
}

static void admit(struct fixture *f, size_t i)
{
    assert_int_equal(px_queue_reserve(f->queue, f->jobs[i].client, 0, NULL), 0);
    px_queue_submit(f->queue, &f->jobs[i]);
}

/* As a worker that comes alone. */
static size_t take_batch(struct px_queue *queue, struct px_job **jobs, size_t max)
{
    struct px_seat seat;

    px_seat_init(&seat, queue, PX_NO_GROUP, false);
    size_t n = px_queue_take_batch(queue, &seat, jobs, max, INT64_MAX);
    px_seat_clear(&seat);
    return n;
}

static void expect_task(struct fixture *f, enum px_task task, size_t i)
{
    struct px_job *job;

    assert_int_equal(px_queue_take_task(f->queue, &job), task);
    assert_ptr_equal(job, &f->jobs[i]);
}

/* Submits job i and has it read. */
static void read_job(struct fixture *f, size_t i)
{
    admit(f, i);
    expect_task(f, PX_TASK_READ, i);
    px_queue_read_done(f->queue, &f->jobs[i], 0);
}

/* Submits job i and begins to decode it. */
static void begin(struct fixture *f, size_t i)
{
    read_job(f, i);
    expect_task(f, PX_TASK_DECODE, i);
}

/* Submits jobs first..last and lets them be decoded. */
static void make_ready(struct fixture *f, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        begin(f, i);
        px_queue_decode_done(f->queue, &f->jobs[i], 0);
    }
}

static void test_limit(void **state)
{
    struct fixture f;
    struct px_error err = {0};
    struct px_job *jobs[4];

    (void)state;
    set_up(&f, 3, 16);
    make_ready(&f, 0, 1);
    admit(&f, 2);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, &err), -PX_E_BUSY);
    assert_int_equal(take_batch(f.queue, jobs, 1), 1);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, &err), 0);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, &err), -PX_E_BUSY);
    px_queue_destroy(f.queue);
}

static void test_failed_gives_back(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 16);
    admit(&f, 0);
    expect_task(&f, PX_TASK_READ, 0);
    px_queue_read_done(f.queue, &f.jobs[0], -PX_E_INVALID);
    f.jobs[1].kept_bytes = f.jobs[1].decode_bytes = 600;
    begin(&f, 1);
    px_queue_decode_done(f.queue, &f.jobs[1], -PX_E_UNPROCESSABLE);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 0);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, NULL), 0);
    px_queue_destroy(f.queue);
}

/* Lets the only job be computed and encoded, to an answer of answer_size bytes. */
static void complete(struct fixture *f, size_t i, size_t answer_size)
{
    struct px_job *jobs[1];

    assert_int_equal(take_batch(f->queue, jobs, 1), 1);
    assert_ptr_equal(jobs[0], &f->jobs[i]);
    px_queue_infer_done(f->queue, jobs[0]);
    expect_task(f, PX_TASK_ENCODE, i);
    f->jobs[i].reply.size = answer_size;
    px_queue_end(f->queue, &f->jobs[i]);
}

/* There is room for 1000 bytes of light pictures; those over 500 are heavy and have 3000. */
static void test_pictures(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 16, 16);
    for (size_t i = 0; i < 4; i++) {
        f.jobs[i].kept_bytes = 200;
        f.jobs[i].decode_bytes = 300;
    }
    begin(&f, 0);
    begin(&f, 1);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 1000);
    read_job(&f, 2);
    read_job(&f, 3); /* no room for job 2, so that what comes later is only read */
    px_queue_decode_done(f.queue, &f.jobs[0], 0);
    px_queue_decode_done(f.queue, &f.jobs[1], 0);
    expect_task(&f, PX_TASK_DECODE, 2); /* 200 + 200 + 500 */
    complete(&f, 0, 0);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 700);
    px_queue_decode_done(f.queue, &f.jobs[2], 0);
    expect_task(&f, PX_TASK_DECODE, 3);
    px_queue_destroy(f.queue);
}

static void test_answers(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 16, 16);
    for (size_t i = 0; i < 4; i++)
        f.jobs[i].kept_bytes = 500;
    for (size_t i = 0; i < 2; i++) {
        make_ready(&f, i, i);
        complete(&f, i, 400);
    }
    assert_int_equal(px_queue_state(f.queue).answer_bytes, 800);
    read_job(&f, 2); /* there is room for 200 bytes */
    read_job(&f, 3);
    px_queue_release(f.queue, &f.jobs[0]);
    px_queue_release(f.queue, &f.jobs[0]); /* once is enough */
    assert_int_equal(px_queue_state(f.queue).answer_bytes, 400);
    expect_task(&f, PX_TASK_DECODE, 2);
    px_queue_destroy(f.queue);
}

static void test_heavy(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 16, 16);
    for (size_t i = 0; i < 6; i++)
        f.jobs[i].decode_bytes = 900;
    begin(&f, 0);
    begin(&f, 1);
    begin(&f, 2);
    /* A fourth must leave a codec thread to others, and one over the room would have to wait. */
    read_job(&f, 3);
    begin(&f, 10);
    begin(&f, 11);
    px_queue_decode_done(f.queue, &f.jobs[0], 0);
    expect_task(&f, PX_TASK_DECODE, 3);
    px_queue_destroy(f.queue);
}

static void test_shares(void **state)
{
    static const size_t order[] = {0, 8, 1, 9, 2, 3};
    struct fixture f;

    (void)state;
    set_up(&f, 100, 16);
    for (size_t i = 0; i < 8; i++)
        f.jobs[i].client = 1000;
    for (size_t i = 8; i < 10; i++)
        f.jobs[i].client = 2000;
    for (size_t i = 0; i < 4; i++)
        admit(&f, i);
    for (size_t i = 8; i < 10; i++)
        admit(&f, i);
    for (size_t i = 0; i < 6; i++)
        expect_task(&f, PX_TASK_READ, order[i]);
    px_queue_destroy(f.queue);
}

static void test_places(void **state)
{
    struct fixture f;
    struct px_error err = {0};

    (void)state;
    set_up(&f, 8, 16);
    for (size_t i = 0; i < 8; i++)
        f.jobs[i].client = 1000;
    for (size_t i = 0; i < 6; i++)
        admit(&f, i);
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
    expect_task(f, PX_TASK_DROP, i);
    assert_int_equal(f->jobs[i].dropped_from, from);
    px_queue_end(f->queue, &f->jobs[i]);
    assert_int_equal(f->jobs[i].stage, PX_JOB_DONE);
}

static void test_unwanted(void **state)
{
    struct fixture f;
    struct px_job *jobs[4];

    (void)state;
    set_up(&f, 16, 16);
    for (size_t i = 0; i < 6; i++)
        f.jobs[i].kept_bytes = 100;
    make_ready(&f, 0, 2);
    read_job(&f, 3);
    assert_int_equal(take_batch(f.queue, jobs, 1), 1);
    px_queue_infer_done(f.queue, jobs[0]);
    f.jobs[4].allowance_ns = 1;
    admit(&f, 4);
    for (size_t i = 0; i < 4; i += i == 0 ? 2 : 1)
        atomic_store(&f.jobs[i].cancelled, true);
    px_queue_sweep(f.queue);
    expect_drop(&f, 4, PX_JOB_SUBMITTED);
    expect_drop(&f, 3, PX_JOB_READ);
    expect_drop(&f, 2, PX_JOB_READY);
    expect_drop(&f, 0, PX_JOB_INFERRED);
    assert_int_equal(take_batch(f.queue, jobs, 4), 1);
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
        set_up(&f, 16, 16);
        models[LOADING].progress = px_model_progress_create();
        f.jobs[0].model = f.jobs[1].model = &models[LOADING];
        read_job(&f, 0);
        read_job(&f, 1);
        px_queue_sweep(f.queue);
        begin(&f, 2); /* it does not stand in the way of others */
        atomic_store(&f.jobs[0].cancelled, true);
        px_queue_sweep(f.queue);
        expect_drop(&f, 0, PX_JOB_READ);
        if (fails)
            px_model_progress_fail(models[LOADING].progress, &why);
        else
            px_model_progress_finish(models[LOADING].progress, (char[PX_SHA256_HEX_SIZE]){""}, 1);
        px_queue_sweep(f.queue);
        expect_task(&f, PX_TASK_DECODE, 1);
        px_queue_decode_done(f.queue, &f.jobs[1], -PX_E_IO);
        px_queue_decode_done(f.queue, &f.jobs[2], -PX_E_IO);
        assert_int_equal(px_queue_state(f.queue).waiting, 0);
        px_queue_destroy(f.queue);
        px_model_progress_unref(models[LOADING].progress);
    }
}

static void test_never_begun(void **state)
{
    struct fixture f;
    struct px_job *jobs[4];

    (void)state;
    set_up(&f, 16, 16);
    admit(&f, 0);
    admit(&f, 1);
    atomic_store(&f.jobs[0].cancelled, true);
    expect_drop(&f, 0, PX_JOB_SUBMITTED);
    expect_task(&f, PX_TASK_READ, 1);
    px_queue_read_done(f.queue, &f.jobs[1], 0);
    atomic_store(&f.jobs[1].cancelled, true);
    expect_drop(&f, 1, PX_JOB_READ);
    make_ready(&f, 2, 3);
    atomic_store(&f.jobs[2].cancelled, true);
    assert_int_equal(take_batch(f.queue, jobs, 4), 1);
    assert_ptr_equal(jobs[0], &f.jobs[3]);
    expect_drop(&f, 2, PX_JOB_READY);
    px_queue_destroy(f.queue);
}

static void test_batches(void **state)
{
    static const size_t first[] = {0, 3, 5, 6};
    struct fixture f;
    struct px_job *jobs[8];

    (void)state;
    set_up(&f, 16, 16);
    f.jobs[1].model = &models[1];
    f.jobs[2].params.norm = PX_TEST_RUNNING;
    f.jobs[4].fit.width = 512;
    make_ready(&f, 0, 7);
    /* 0 3 5 6 7 match: four of them, as a power of two, in order. */
    assert_int_equal(take_batch(f.queue, jobs, 8), 4);
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(jobs[i], &f.jobs[first[i]]);
    /* The oldest goes first, so that nothing starves. */
    assert_int_equal(take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[1]);
    make_ready(&f, 8, 10);
    assert_int_equal(take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[2]);
    assert_int_equal(take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[4]);
    /* 7 8 9 10: the largest allowed batch need not be a power of two. */
    assert_int_equal(take_batch(f.queue, jobs, 3), 3);
    assert_int_equal(px_queue_state(f.queue).waiting, 1);
    assert_int_equal(px_queue_state(f.queue).inferring, 10);
    /* 10 11 12 13: a power of two is taken whole. */
    make_ready(&f, 11, 13);
    assert_int_equal(take_batch(f.queue, jobs, 8), 4);
    assert_ptr_equal(jobs[3], &f.jobs[13]);
    px_queue_destroy(f.queue);
}

/* Long enough that a test which waits for it by mistake is noticed. */
static const int64_t HOURS = (int64_t)7200 * 1000000000;

static void test_lone(void **state)
{
    struct fixture f;
    struct px_job *jobs[8];

    (void)state;
    set_up_delay(&f, 16, 16, HOURS);
    make_ready(&f, 0, 0);
    assert_int_equal(take_batch(f.queue, jobs, 8), 1);
    px_queue_destroy(f.queue);
}

struct decoding { /* a codec thread that takes its time */
    struct fixture *f;
    size_t first, last;
    int rc; /* of the preparations */
};

static void *decode_slowly(void *argument)
{
    const struct decoding *d = argument;
    const struct timespec pause = {.tv_nsec = 20000000};

    for (size_t i = d->first; i <= d->last; i++) {
        nanosleep(&pause, NULL);
        px_queue_decode_done(d->f->queue, &d->f->jobs[i], d->rc);
    }
    return NULL;
}

/* The size of the batch taken while job 0 is ready and 1..last are being decoded. */
static size_t take_while_decoding(struct fixture *f, size_t last, size_t max, int rc)
{
    struct decoding decoding = {f, 1, last, rc};
    struct px_job *jobs[8];
    pthread_t thread;

    make_ready(f, 0, 0);
    for (size_t i = 1; i <= last; i++)
        begin(f, i);
    assert_int_equal(pthread_create(&thread, NULL, decode_slowly, &decoding), 0);
    size_t n = take_batch(f->queue, jobs, max);
    pthread_join(thread, NULL);
    return n;
}

static void test_gathers(void **state)
{
    struct fixture f;

    (void)state;
    set_up_delay(&f, 16, 16, HOURS);
    assert_int_equal(take_while_decoding(&f, 3, 8, 0), 4);
    px_queue_destroy(f.queue);
    /* No more than allowed, and nobody waits for what would not be taken. */
    set_up_delay(&f, 16, 16, HOURS);
    assert_int_equal(take_while_decoding(&f, 5, 3, 0), 3);
    assert_int_equal(px_queue_state(f.queue).ready, 3);
    px_queue_destroy(f.queue);
    /* Nor for what failed. */
    set_up_delay(&f, 16, 16, HOURS);
    assert_int_equal(take_while_decoding(&f, 3, 8, -PX_E_UNPROCESSABLE), 1);
    px_queue_destroy(f.queue);
}

static void test_delay(void **state)
{
    const int64_t delay = 50000000;
    struct fixture f;
    struct px_job *jobs[8];

    (void)state;
    set_up_delay(&f, 16, 16, delay);
    begin(&f, 1);
    make_ready(&f, 0, 0);
    int64_t start = f.jobs[0].waiting_since;
    assert_int_equal(take_batch(f.queue, jobs, 8), 1);
    int64_t waited = px_now_ns() - start;
    assert_true(waited >= delay);
    assert_true(waited < 100 * delay); /* a busy machine may run this thread late */
    px_queue_destroy(f.queue);
}

static void test_no_wait(void **state)
{
    struct fixture f;
    struct px_job *jobs[8];

    (void)state;
    /* Others that are being decoded could not make a batch of 4 larger: 8 would be needed. */
    set_up_delay(&f, 16, 16, HOURS);
    begin(&f, 8);
    make_ready(&f, 0, 3);
    assert_int_equal(take_batch(f.queue, jobs, 8), 4);
    px_queue_destroy(f.queue);
    /* Something that does not match is ready: there is other work to do. */
    set_up_delay(&f, 16, 16, HOURS);
    f.jobs[1].model = &models[1];
    begin(&f, 8);
    make_ready(&f, 0, 1);
    assert_int_equal(take_batch(f.queue, jobs, 8), 1);
    px_queue_destroy(f.queue);
    /* What is submitted beyond `ahead` is not prepared before something is taken. */
    set_up_delay(&f, 16, 1, HOURS);
    make_ready(&f, 0, 0);
    admit(&f, 1);
    assert_int_equal(take_batch(f.queue, jobs, 8), 1);
    px_queue_destroy(f.queue);
}

static void *take_one(void *argument)
{
    struct fixture *f = argument;
    struct px_job *jobs[8];

    return take_batch(f->queue, jobs, 8) == 1 ? f : NULL;
}

static void test_colleagues(void **state)
{
    struct fixture f;
    pthread_t workers[2];
    void *took_one;

    (void)state;
    set_up_delay(&f, 16, 16, HOURS);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, take_one, &f), 0);
    while (px_queue_state(f.queue).idle < 2)
        sched_yield();
    begin(&f, 1);
    make_ready(&f, 0, 0);
    while (px_queue_state(f.queue).inferring < 1)
        sched_yield();
    px_queue_decode_done(f.queue, &f.jobs[1], 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(workers[i], &took_one);
        assert_ptr_equal(took_one, &f);
    }
    px_queue_destroy(f.queue);
}

static void test_codec_order(void **state)
{
    struct fixture f;
    struct px_job *jobs[1];

    (void)state;
    set_up(&f, 16, 16);
    make_ready(&f, 0, 0);
    read_job(&f, 1);
    admit(&f, 2);
    assert_int_equal(take_batch(f.queue, jobs, 1), 1);
    px_queue_infer_done(f.queue, jobs[0]);
    expect_task(&f, PX_TASK_ENCODE, 0);
    assert_int_equal(px_queue_state(f.queue).finishing, 1);
    px_queue_end(f.queue, jobs[0]);
    assert_int_equal(px_queue_state(f.queue).finishing, 0);
    expect_task(&f, PX_TASK_READ, 2);
    expect_task(&f, PX_TASK_DECODE, 1);
    px_queue_destroy(f.queue);
}

static void test_drop_all(void **state)
{
    struct fixture f;
    struct px_job *jobs[1], *job;

    (void)state;
    set_up(&f, 16, 16);
    make_ready(&f, 0, 1);
    read_job(&f, 2);
    admit(&f, 3);
    px_queue_close(f.queue);
    assert_int_equal(px_queue_reserve(f.queue, 15, 0, NULL), -PX_E_BUSY);
    px_queue_drop_all(f.queue);
    assert_int_equal(take_batch(f.queue, jobs, 1), 0);
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(px_queue_take_task(f.queue, &job), PX_TASK_DROP);
        px_queue_end(f.queue, job);
    }
    assert_int_equal(px_queue_take_task(f.queue, &job), PX_TASK_NONE);
    px_queue_destroy(f.queue);
}

/* A small daemon without HTTP: everything that was submitted must come out, once, also when the
 * queue is closed in the middle. */
struct traffic {
    struct px_queue *queue;
    atomic_int prepared, inferred, finished;
};

static void *codec(void *argument)
{
    struct traffic *t = argument;
    struct px_job *job;
    enum px_task task;

    while ((task = px_queue_take_task(t->queue, &job)) != PX_TASK_NONE) {
        if (task == PX_TASK_READ) {
            job->kept_bytes = 100;
            job->decode_bytes = job->cost % 3 ? 100 : 300; /* some are heavy */
            px_queue_read_done(t->queue, job, 0);
        } else if (task == PX_TASK_DECODE) {
            bool bad = atomic_fetch_add(&t->prepared, 1) % 7 == 6;
            px_queue_decode_done(t->queue, job, bad ? -PX_E_INVALID : 0);
            if (bad)
                atomic_fetch_add(&t->finished, 1);
        } else {
            px_queue_end(t->queue, job);
            px_queue_release(t->queue, job);
            atomic_fetch_add(&t->finished, 1);
        }
    }
    return NULL;
}

static void *work(void *argument)
{
    struct traffic *t = argument;
    struct px_job *jobs[4];
    size_t n;

    while ((n = take_batch(t->queue, jobs, 4)) > 0)
        for (size_t i = 0; i < n; i++) {
            atomic_fetch_add(&t->inferred, 1);
            px_queue_infer_done(t->queue, jobs[i]);
        }
    return NULL;
}

static void test_traffic(void **state)
{
    enum { JOBS = 2000 };
    const struct px_queue_options options = {
        .limit = 4 * JOBS, .ahead = 5, .codecs = 3, .picture_bytes = 2000, .delay_ns = 20000};
    struct traffic t = {0};
    struct px_job *jobs = calloc(JOBS, sizeof *jobs);
    pthread_t threads[6];

    (void)state;
    assert_int_equal(px_queue_create(&t.queue, &options, NULL), 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? codec : work, &t), 0);
    for (int i = 0; i < JOBS; i++) {
        jobs[i].model = &models[i % 2];
        jobs[i].client = (uint64_t)i % 5;
        assert_int_equal(px_queue_reserve(t.queue, jobs[i].client, 0, NULL), 0);
        px_queue_submit(t.queue, &jobs[i]);
    }
    px_queue_close(t.queue);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(t.prepared, JOBS);
    assert_int_equal(t.finished, JOBS);
    assert_int_equal(t.inferred, JOBS - JOBS / 7);
    px_queue_destroy(t.queue);
    free(jobs);
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
    set_up(&f, 16, 16);
    f.jobs[0].decode_bytes = 500;
    f.jobs[4].decode_bytes = 500;
    begin(&f, 0);
    begin(&f, 4);
    for (size_t i = 1; i < 4; i++) {
        f.jobs[i].decode_bytes = 100;
        read_job(&f, i);
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
        CHECK("a batch holds jobs of one model, size and norm, the oldest first", test_batches),
        CHECK("a lone job never waits for others", test_lone),
        CHECK("a worker waits for jobs that are being decoded, up to the largest batch",
              test_gathers),
        CHECK("it waits no longer than the delay", test_delay),
        CHECK("it does not wait where that would not pay", test_no_wait),
        CHECK("idle workers share what comes and do not wait for each other's", test_colleagues),
        CHECK("codec threads encode before they read, and read before they decode",
              test_codec_order),
        CHECK("all codec threads wake up where a large picture makes room for several",
              test_all_wake),
        CHECK("dropping all takes out what no thread works on", test_drop_all),
        CHECK("everything submitted comes out once, also across a close", test_traffic),
    };
    for (size_t i = 0; i < LOADING; i++) {
        models[i].progress = px_model_progress_create();
        px_model_progress_finish(models[i].progress, (char[PX_SHA256_HEX_SIZE]){""}, 1);
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < LOADING; i++)
        px_model_progress_unref(models[i].progress);
    return failed;
}
