#include "tests/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "server/work/queue.h"

/* Jobs are matched by the address of their model; no model is ever looked at here. */
static const struct px_registry_entry models[2];

struct fixture {
    struct px_queue *queue;
    struct px_job jobs[16];
};

static void set_up_delay(struct fixture *f, size_t limit, size_t ahead, int64_t delay_ns)
{
    const struct px_queue_options options = {
        .limit = limit, .ahead = ahead, .picture_bytes = 1000, .delay_ns = delay_ns};

    memset(f, 0, sizeof *f);
    assert_int_equal(px_queue_create(&f->queue, &options, NULL), 0);
    for (size_t i = 0; i < 16; i++)
        f->jobs[i].model = &models[0];
}

static void set_up(struct fixture *f, size_t limit, size_t ahead)
{
    set_up_delay(f, limit, ahead, 0);
}

static void admit(struct fixture *f, size_t i)
{
    assert_int_equal(px_queue_reserve(f->queue, NULL), 0);
    px_queue_submit(f->queue, &f->jobs[i]);
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
    assert_int_equal(px_queue_reserve(f.queue, &err), -PX_E_BUSY);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 1), 1);
    assert_int_equal(px_queue_reserve(f.queue, &err), 0);
    assert_int_equal(px_queue_reserve(f.queue, &err), -PX_E_BUSY);
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
    f.jobs[1].kept_bytes = f.jobs[1].decode_bytes = 600; /* more than there is */
    begin(&f, 1);
    px_queue_decode_done(f.queue, &f.jobs[1], -PX_E_UNPROCESSABLE);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 0);
    assert_int_equal(px_queue_reserve(f.queue, NULL), 0);
    px_queue_destroy(f.queue);
}

/* There is room for 1000 bytes of pictures. */
static void test_pictures(void **state)
{
    struct fixture f;
    struct px_job *jobs[4];

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
    /* No room for job 2; what came later is only read. */
    read_job(&f, 3);
    px_queue_decode_done(f.queue, &f.jobs[0], 0);
    px_queue_decode_done(f.queue, &f.jobs[1], 0);
    expect_task(&f, PX_TASK_DECODE, 2); /* 200 + 200 + 500 */
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 1), 1);
    px_queue_infer_done(f.queue, jobs[0]);
    expect_task(&f, PX_TASK_FINISH, 0);
    px_queue_finish_done(f.queue, &f.jobs[0]);
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 700);
    px_queue_decode_done(f.queue, &f.jobs[2], 0);
    expect_task(&f, PX_TASK_DECODE, 3);
    px_queue_decode_done(f.queue, &f.jobs[3], 0);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 4), 2);
    px_queue_close(f.queue);
    px_queue_cancel(f.queue); /* job 3 */
    assert_int_equal(px_queue_state(f.queue).picture_bytes, 400);
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
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 4);
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(jobs[i], &f.jobs[first[i]]);
    /* The oldest goes first, so that nothing starves. */
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[1]);
    make_ready(&f, 8, 10);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[2]);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[4]);
    /* 7 8 9 10: the largest allowed batch need not be a power of two. */
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 3), 3);
    assert_int_equal(px_queue_state(f.queue).waiting, 1);
    assert_int_equal(px_queue_state(f.queue).inferring, 10);
    /* 10 11 12 13: a power of two is taken whole. */
    make_ready(&f, 11, 13);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 4);
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
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 1);
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
    size_t n = px_queue_take_batch(f->queue, jobs, max);
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
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 1);
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
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 4);
    px_queue_destroy(f.queue);
    /* Something that does not match is ready: there is other work to do. */
    set_up_delay(&f, 16, 16, HOURS);
    f.jobs[1].model = &models[1];
    begin(&f, 8);
    make_ready(&f, 0, 1);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 1);
    px_queue_destroy(f.queue);
    /* What is submitted beyond `ahead` is not prepared before something is taken. */
    set_up_delay(&f, 16, 1, HOURS);
    make_ready(&f, 0, 0);
    admit(&f, 1);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 8), 1);
    px_queue_destroy(f.queue);
}

static void *take_one(void *argument)
{
    struct fixture *f = argument;
    struct px_job *jobs[8];

    return px_queue_take_batch(f->queue, jobs, 8) == 1 ? f : NULL;
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

static void test_finish_first(void **state)
{
    struct fixture f;
    struct px_job *jobs[1];

    (void)state;
    set_up(&f, 16, 16);
    make_ready(&f, 0, 0);
    read_job(&f, 1);
    admit(&f, 2);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 1), 1);
    px_queue_infer_done(f.queue, jobs[0]);
    expect_task(&f, PX_TASK_FINISH, 0);
    assert_int_equal(px_queue_state(f.queue).finishing, 1);
    px_queue_finish_done(f.queue, jobs[0]);
    assert_int_equal(px_queue_state(f.queue).finishing, 0);
    expect_task(&f, PX_TASK_DECODE, 1);
    expect_task(&f, PX_TASK_READ, 2);
    px_queue_destroy(f.queue);
}

static void test_cancel(void **state)
{
    struct fixture f;
    struct px_job *jobs[1], *job;
    size_t n = 0;

    (void)state;
    set_up(&f, 16, 16);
    make_ready(&f, 0, 1);
    read_job(&f, 2);
    admit(&f, 3);
    px_queue_close(f.queue);
    assert_int_equal(px_queue_reserve(f.queue, NULL), -PX_E_BUSY);
    for (job = px_queue_cancel(f.queue); job != NULL; job = job->next)
        n++;
    assert_int_equal(n, 4);
    assert_int_equal(px_queue_take_batch(f.queue, jobs, 1), 0);
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
            job->decode_bytes = 200;
            px_queue_read_done(t->queue, job, 0);
        } else if (task == PX_TASK_DECODE) {
            bool bad = atomic_fetch_add(&t->prepared, 1) % 7 == 6;
            px_queue_decode_done(t->queue, job, bad ? -PX_E_INVALID : 0);
            if (bad)
                atomic_fetch_add(&t->finished, 1);
        } else {
            px_queue_finish_done(t->queue, job);
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

    while ((n = px_queue_take_batch(t->queue, jobs, 4)) > 0)
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
        .limit = JOBS, .ahead = 5, .picture_bytes = 1000, .delay_ns = 20000};
    struct traffic t = {0};
    struct px_job *jobs = calloc(JOBS, sizeof *jobs);
    pthread_t threads[6];

    (void)state;
    assert_int_equal(px_queue_create(&t.queue, &options, NULL), 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? codec : work, &t), 0);
    for (int i = 0; i < JOBS; i++) {
        jobs[i].model = &models[i % 2];
        assert_int_equal(px_queue_reserve(t.queue, NULL), 0);
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

/* Job 0 takes all the room, so that three threads wait for it to go. */
static void test_all_wake(void **state)
{
    struct fixture f;
    pthread_t threads[3];
    void *decodes;

    (void)state;
    set_up(&f, 16, 16);
    f.jobs[0].decode_bytes = 1000;
    begin(&f, 0);
    for (size_t i = 1; i < 4; i++) {
        f.jobs[i].decode_bytes = 100;
        read_job(&f, i);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_task, &f), 0);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* for them to wait */
    px_queue_decode_done(f.queue, &f.jobs[0], 0);
    for (int i = 0; i < 500 && px_queue_state(f.queue).preparing < 3; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(px_queue_state(f.queue).preparing, 3);
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
        CHECK("pictures are decoded while there is room for them, a larger one alone",
              test_pictures),
        CHECK("a batch holds jobs of one model, size and norm, the oldest first", test_batches),
        CHECK("a lone job never waits for others", test_lone),
        CHECK("a worker waits for jobs that are being decoded, up to the largest batch",
              test_gathers),
        CHECK("it waits no longer than the delay", test_delay),
        CHECK("it does not wait where that would not pay", test_no_wait),
        CHECK("idle workers share what comes and do not wait for each other's", test_colleagues),
        CHECK("codec threads finish before they decode, and decode before they read",
              test_finish_first),
        CHECK("all codec threads wake up where a large picture makes room for several",
              test_all_wake),
        CHECK("cancelling takes out all that no thread works on", test_cancel),
        CHECK("everything submitted comes out once, also across a close", test_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
