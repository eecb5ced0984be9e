#include "tests/server/work/queues.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

/* How workers gather batches, and all threads at once. */

static void test_batches(void **state)
{
    static const size_t first[] = {0, 3, 5, 6};
    struct fixture f;
    struct px_job *jobs[8];

    (void)state;
    queues_begin(&f, 16, 16);
    f.jobs[1].model = &queues_models[1];
    f.jobs[2].params.norm = PX_TEST_RUNNING;
    f.jobs[4].fit.width = 512;
    queues_make_ready(&f, 0, 7);
    /* 0 3 5 6 7 match: four of them, as a power of two, in order. */
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 4);
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(jobs[i], &f.jobs[first[i]]);
    /* The oldest goes first, so that nothing starves. */
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[1]);
    queues_make_ready(&f, 8, 10);
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[2]);
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 1);
    assert_ptr_equal(jobs[0], &f.jobs[4]);
    /* 7 8 9 10: the largest allowed batch need not be a power of two. */
    assert_int_equal(queues_take_batch(f.queue, jobs, 3), 3);
    assert_int_equal(px_queue_state(f.queue).waiting, 1);
    assert_int_equal(px_queue_state(f.queue).inferring, 10);
    /* 10 11 12 13: a power of two is taken whole. */
    queues_make_ready(&f, 11, 13);
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 4);
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
    queues_begin_delay(&f, 16, 16, HOURS);
    queues_make_ready(&f, 0, 0);
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 1);
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

    queues_make_ready(f, 0, 0);
    for (size_t i = 1; i <= last; i++)
        queues_decode(f, i);
    assert_int_equal(pthread_create(&thread, NULL, decode_slowly, &decoding), 0);
    size_t n = queues_take_batch(f->queue, jobs, max);
    pthread_join(thread, NULL);
    return n;
}

static void test_gathers(void **state)
{
    struct fixture f;

    (void)state;
    queues_begin_delay(&f, 16, 16, HOURS);
    assert_int_equal(take_while_decoding(&f, 3, 8, 0), 4);
    px_queue_destroy(f.queue);
    /* No more than allowed, and nobody waits for what would not be taken. */
    queues_begin_delay(&f, 16, 16, HOURS);
    assert_int_equal(take_while_decoding(&f, 5, 3, 0), 3);
    assert_int_equal(px_queue_state(f.queue).ready, 3);
    px_queue_destroy(f.queue);
    /* Nor for what failed. */
    queues_begin_delay(&f, 16, 16, HOURS);
    assert_int_equal(take_while_decoding(&f, 3, 8, -PX_E_UNPROCESSABLE), 1);
    px_queue_destroy(f.queue);
}

static void test_delay(void **state)
{
    const int64_t delay = 50000000;
    struct fixture f;
    struct px_job *jobs[8];

    (void)state;
    queues_begin_delay(&f, 16, 16, delay);
    queues_decode(&f, 1);
    queues_make_ready(&f, 0, 0);
    int64_t start = f.jobs[0].waiting_since;
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 1);
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
    queues_begin_delay(&f, 16, 16, HOURS);
    queues_decode(&f, 8);
    queues_make_ready(&f, 0, 3);
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 4);
    px_queue_destroy(f.queue);
    /* Something that does not match is ready: there is other work to do. */
    queues_begin_delay(&f, 16, 16, HOURS);
    f.jobs[1].model = &queues_models[1];
    queues_decode(&f, 8);
    queues_make_ready(&f, 0, 1);
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 1);
    px_queue_destroy(f.queue);
    /* What is submitted beyond `ahead` is not prepared before something is taken. */
    queues_begin_delay(&f, 16, 1, HOURS);
    queues_make_ready(&f, 0, 0);
    queues_admit(&f, 1);
    assert_int_equal(queues_take_batch(f.queue, jobs, 8), 1);
    px_queue_destroy(f.queue);
}

static void *take_one(void *argument)
{
    struct fixture *f = argument;
    struct px_job *jobs[8];

    return queues_take_batch(f->queue, jobs, 8) == 1 ? f : NULL;
}

static void test_colleagues(void **state)
{
    struct fixture f;
    pthread_t workers[2];
    void *took_one;

    (void)state;
    queues_begin_delay(&f, 16, 16, HOURS);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, take_one, &f), 0);
    while (px_queue_state(f.queue).idle < 2)
        sched_yield();
    queues_decode(&f, 1);
    queues_make_ready(&f, 0, 0);
    while (px_queue_state(f.queue).inferring < 1)
        sched_yield();
    px_queue_decode_done(f.queue, &f.jobs[1], 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(workers[i], &took_one);
        assert_ptr_equal(took_one, &f);
    }
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

    while ((n = queues_take_batch(t->queue, jobs, 4)) > 0)
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
        jobs[i].model = &queues_models[i % 2];
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a batch holds jobs of one model, size and norm, the oldest first", test_batches),
        CHECK("a lone job never waits for others", test_lone),
        CHECK("a worker waits for jobs that are being decoded, up to the largest batch",
              test_gathers),
        CHECK("it waits no longer than the delay", test_delay),
        CHECK("it does not wait where that would not pay", test_no_wait),
        CHECK("idle workers share what comes and do not wait for each other's", test_colleagues),
        CHECK("everything submitted comes out once, also across a close", test_traffic),
    };
    return queues_run(tests, sizeof tests / sizeof *tests);
}
