#include "tests/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/work/queue.h"

/* Elastic groups of workers. Jobs are matched by the address of their model; of these, only whether
 * it is loaded is looked at. */
static struct px_registry_entry models[16];

enum { GROUPS = 2, CPUS = 4 };

struct fixture {
    struct px_queue *queue;
    struct px_seat team[GROUPS], single[GROUPS][CPUS];
    struct px_job jobs[16];
    struct px_job *taken[8];
};

static void set_up(struct fixture *f, size_t groups, size_t cpus)
{
    const struct px_queue_options options = {.limit = 16,
                                             .ahead = 16,
                                             .codecs = 4,
                                             .picture_bytes = 4000,
                                             .groups = groups,
                                             .group_cpus = cpus};

    memset(f, 0, sizeof *f);
    assert_int_equal(px_queue_create(&f->queue, &options, NULL), 0);
    for (int g = 0; g < (int)groups; g++) {
        px_seat_init(&f->team[g], f->queue, g, true);
        for (size_t i = 0; i < cpus; i++)
            px_seat_init(&f->single[g][i], f->queue, g, false);
    }
    for (size_t i = 0; i < 16; i++) {
        f->jobs[i].model = &models[0];
        f->jobs[i].client = i;
        f->jobs[i].cost = 1;
    }
}

static void tear_down(struct fixture *f)
{
    for (int g = 0; g < GROUPS; g++) {
        px_seat_clear(&f->team[g]);
        for (size_t i = 0; i < CPUS; i++)
            px_seat_clear(&f->single[g][i]);
    }
    px_queue_destroy(f->queue);
}

/* Submits job i and begins to decode it. */
static void begin(struct fixture *f, size_t i)
{
    struct px_job *job;

    assert_int_equal(px_queue_reserve(f->queue, f->jobs[i].client, 0, NULL), 0);
    px_queue_submit(f->queue, &f->jobs[i]);
    assert_int_equal(px_queue_take_task(f->queue, &job), PX_TASK_READ);
    px_queue_read_done(f->queue, job, 0);
    assert_int_equal(px_queue_take_task(f->queue, &job), PX_TASK_DECODE);
    assert_ptr_equal(job, &f->jobs[i]);
}

static void make_ready(struct fixture *f, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        begin(f, i);
        px_queue_decode_done(f->queue, &f->jobs[i], 0);
    }
}

/* What the worker gets at once, in batches of up to two; whatever it had is done. */
static size_t ask(struct fixture *f, struct px_seat *seat)
{
    return px_queue_take_batch(f->queue, seat, f->taken, 2, 0);
}

static void expect(struct fixture *f, struct px_seat *seat, size_t i)
{
    assert_int_equal(ask(f, seat), 1);
    assert_ptr_equal(f->taken[0], &f->jobs[i]);
}

static void test_lone(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 2);
    make_ready(&f, 0, 0);
    assert_int_equal(ask(&f, &f.single[0][0]), 0);
    expect(&f, &f.team[0], 0);
    make_ready(&f, 1, 2);
    assert_int_equal(ask(&f, &f.single[0][0]), 0); /* while the team runs */
    assert_int_equal(ask(&f, &f.team[0]), 0);
    assert_int_equal(ask(&f, &f.single[0][0]), 2);
    make_ready(&f, 3, 3);
    assert_int_equal(ask(&f, &f.team[0]), 0); /* while a single runs */
    expect(&f, &f.single[0][1], 3);
    assert_int_equal(ask(&f, &f.single[0][0]), 0);
    assert_int_equal(ask(&f, &f.single[0][1]), 0);
    make_ready(&f, 4, 4);
    expect(&f, &f.team[0], 4);
    tear_down(&f);
}

static void test_near(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 2);
    begin(&f, 1);
    make_ready(&f, 0, 0);
    assert_int_equal(ask(&f, &f.team[0]), 0);
    px_queue_decode_done(f.queue, &f.jobs[1], -PX_E_INVALID);
    assert_int_equal(ask(&f, &f.single[0][0]), 0); /* alone again */
    expect(&f, &f.team[0], 0);
    tear_down(&f);
}

static void test_few(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 4);
    make_ready(&f, 0, 1);
    assert_int_equal(ask(&f, &f.team[0]), 2);
    assert_int_equal(ask(&f, &f.team[0]), 0);
    make_ready(&f, 2, 4);
    assert_int_equal(ask(&f, &f.team[0]), 0);
    assert_int_equal(ask(&f, &f.single[0][3]), 2);
    tear_down(&f);
    set_up(&f, 2, 2);
    f.jobs[1].model = &models[1];
    make_ready(&f, 0, 1);
    expect(&f, &f.team[1], 0);
    expect(&f, &f.team[0], 1);
    make_ready(&f, 2, 3);
    assert_int_equal(ask(&f, &f.team[0]), 0); /* two jobs for one idle group */
    assert_int_equal(ask(&f, &f.single[0][0]), 2);
    tear_down(&f);
}

/* Asks for the worker, which has to give its plans up first. */
static void expect_yield(struct fixture *f, struct px_seat *seat)
{
    assert_int_equal(ask(f, seat), 0);
    assert_true(seat->yields);
    assert_int_equal(ask(f, seat), 0);
    assert_false(seat->yields);
}

static void test_team_only(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 2);
    f.jobs[2].team_only = true;
    make_ready(&f, 0, 1);
    assert_int_equal(ask(&f, &f.single[0][0]), 2);
    make_ready(&f, 2, 3);
    assert_int_equal(ask(&f, &f.team[0]), 0);
    expect_yield(&f, &f.single[0][1]); /* job 3 came later, so it is not taken before */
    assert_int_equal(ask(&f, &f.team[0]), 0);
    expect_yield(&f, &f.single[0][0]);
    expect(&f, &f.team[0], 2);
    assert_int_equal(ask(&f, &f.single[0][0]), 0);
    assert_false(f.single[0][0].yields);
    expect(&f, &f.team[0], 3);
    assert_int_equal(ask(&f, &f.team[0]), 0);
    /* One that has made plans since has to yield again. */
    make_ready(&f, 4, 5);
    assert_int_equal(ask(&f, &f.single[0][0]), 2);
    f.jobs[6].team_only = true;
    make_ready(&f, 6, 6);
    assert_int_equal(ask(&f, &f.single[0][1]), 0);
    assert_false(f.single[0][1].yields);
    expect_yield(&f, &f.single[0][0]);
    expect(&f, &f.team[0], 6);
    tear_down(&f);
}

static void test_cancelled(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 2);
    f.jobs[0].team_only = true;
    make_ready(&f, 0, 2);
    assert_int_equal(ask(&f, &f.team[0]), 0);
    atomic_store(&f.jobs[0].cancelled, true);
    px_queue_sweep(f.queue);
    assert_int_equal(ask(&f, &f.single[0][0]), 2);
    tear_down(&f);
}

static void test_other_groups(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 2, 2);
    for (size_t i = 0; i < 6; i++)
        f.jobs[i].model = &models[i]; /* no two in a batch */
    make_ready(&f, 0, 3);
    expect(&f, &f.single[0][0], 0);
    f.jobs[4].team_only = true;
    make_ready(&f, 4, 5);
    for (size_t i = 1; i < 4; i++)
        expect(&f, i == 1 ? &f.single[0][1] : &f.single[1][i - 2], i);
    assert_int_equal(ask(&f, &f.single[1][0]), 0); /* group 1 is to do it */
    assert_true(f.single[1][0].yields);
    assert_int_equal(ask(&f, &f.team[0]), 0);
    expect(&f, &f.single[0][0], 5); /* which holds up no other group */
    expect_yield(&f, &f.single[1][1]);
    assert_int_equal(ask(&f, &f.single[1][0]), 0);
    expect(&f, &f.team[1], 4);
    tear_down(&f);
}

static void test_hand_over(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 2);
    make_ready(&f, 0, 2);
    assert_int_equal(ask(&f, &f.single[0][0]), 2);
    px_queue_hand_over(f.queue, f.taken[1]);
    px_queue_infer_done(f.queue, f.taken[0]);
    assert_int_equal(px_queue_state(f.queue).ready, 2);
    assert_int_equal(px_queue_state(f.queue).waiting, 2);
    expect_yield(&f, &f.single[0][1]);
    expect_yield(&f, &f.single[0][0]);
    expect(&f, &f.team[0], 1); /* before job 2 */
    tear_down(&f);
}

/* The job is the only one, and goes to the worker, which takes so long. */
static void run_lone(struct fixture *f, struct px_seat *seat, size_t i, int ms)
{
    make_ready(f, i, i);
    expect(f, seat, i);
    seat->picture_ns = ms * (int64_t)1000000;
    assert_int_equal(ask(f, seat), 0);
}

static void test_slow_team(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 2);
    for (size_t i = 0; i < 4; i++)
        run_lone(&f, &f.team[0], i, 90);
    for (size_t i = 4; i < 8; i++) {
        make_ready(&f, i, i);
        assert_int_equal(ask(&f, &f.team[0]), 0);
        expect(&f, &f.single[0][i % 2], i);
        f.single[0][i % 2].picture_ns = 60000000;
        assert_int_equal(ask(&f, &f.single[0][i % 2]), 0);
    }
    f.jobs[8].model = &models[1]; /* of which nothing is known */
    run_lone(&f, &f.team[0], 8, 40);
    tear_down(&f);
}

/* Two singles that compute at a time hold each other up. */
static void test_slow_crowd(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 2);
    for (size_t i = 0; i < 4; i++)
        run_lone(&f, &f.team[0], i, 60);
    run_lone(&f, &f.single[0][0], 4, 110);
    f.jobs[6].model = &models[1];
    make_ready(&f, 5, 6);
    expect(&f, &f.single[0][0], 5);
    expect(&f, &f.single[0][1], 6);
    for (int i = 0; i < 2; i++) {
        f.single[0][i].picture_ns = 1000; /* would be the quickest of all */
        assert_int_equal(ask(&f, &f.single[0][i]), 0);
    }
    run_lone(&f, &f.team[0], 7, 60);
    f.jobs[8].model = &models[1];
    run_lone(&f, &f.team[0], 8, 40);
    tear_down(&f);
}

/* A small daemon of two groups: everything comes out, and no team runs beside its singles. */
struct traffic {
    struct px_queue *queue;
    atomic_int singles[GROUPS], teams[GROUPS], batches[2], inferred, handed;
};

struct worker {
    struct traffic *traffic;
    struct px_seat seat;
    pthread_t thread;
};

static void run_batch(struct worker *w, struct px_job **jobs, size_t n)
{
    struct traffic *t = w->traffic;

    for (size_t i = 0; i < n; i++) {
        if (!w->seat.team && jobs[i]->cost == 3) { /* looks smaller than it is */
            atomic_fetch_add(&t->handed, 1);
            px_queue_hand_over(t->queue, jobs[i]);
        } else {
            atomic_fetch_add(&t->inferred, 1);
            px_queue_infer_done(t->queue, jobs[i]);
        }
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct traffic *t = w->traffic;
    atomic_int *mine = w->seat.team ? &t->teams[w->seat.group] : &t->singles[w->seat.group];
    atomic_int *others = w->seat.team ? &t->singles[w->seat.group] : &t->teams[w->seat.group];
    struct px_job *jobs[4];
    size_t n;

    while ((n = px_queue_take_batch(t->queue, &w->seat, jobs, 4, INT64_MAX)) > 0 ||
           w->seat.yields) {
        if (n == 0)
            continue;
        atomic_fetch_add(mine, 1);
        assert_int_equal(atomic_load(others), 0);
        atomic_fetch_add(&t->batches[w->seat.team], 1);
        w->seat.picture_ns = 1000000;
        atomic_fetch_sub(mine, 1);
        run_batch(w, jobs, n);
    }
    return NULL;
}

static void *codec(void *argument)
{
    struct px_queue *queue = argument;
    struct px_job *job;
    enum px_task task;

    while ((task = px_queue_take_task(queue, &job)) != PX_TASK_NONE) {
        if (task == PX_TASK_READ) {
            job->kept_bytes = job->decode_bytes = 100;
            job->team_only = job->cost == 2;
            px_queue_read_done(queue, job, 0);
        } else if (task == PX_TASK_DECODE) {
            px_queue_decode_done(queue, job, 0);
        } else {
            px_queue_end(queue, job);
            px_queue_release(queue, job);
        }
    }
    return NULL;
}

static void submit_all(struct px_queue *queue, struct px_job *jobs, int count)
{
    for (int i = 0; i < count; i++) {
        jobs[i].model = &models[i % 2];
        jobs[i].client = (uint64_t)i % 5;
        /* The queue sets the cost by the body's size: 1, or 2 and 3 for a few. */
        jobs[i].body.whole.size = i % 31 == 7 ? 4096 : i % 37 == 5 ? 2 * 4096 : 0;
        assert_int_equal(px_queue_reserve(queue, jobs[i].client, 0, NULL), 0);
        px_queue_submit(queue, &jobs[i]);
        while (i % 100 > 80 && px_queue_state(queue).waiting > 0)
            sched_yield(); /* some come alone */
    }
}

static void test_traffic(void **state)
{
    enum { JOBS = 3000, WORKERS = GROUPS * 3 };
    const struct px_queue_options options = {.limit = 4 * JOBS,
                                             .ahead = 8,
                                             .codecs = 2,
                                             .picture_bytes = 2000,
                                             .groups = GROUPS,
                                             .group_cpus = 2};
    struct traffic t = {0};
    struct px_job *jobs = calloc(JOBS, sizeof *jobs);
    struct worker workers[WORKERS];
    pthread_t codecs[2];

    (void)state;
    assert_int_equal(px_queue_create(&t.queue, &options, NULL), 0);
    for (int i = 0; i < WORKERS; i++) {
        workers[i].traffic = &t;
        px_seat_init(&workers[i].seat, t.queue, i / 3, i % 3 == 0);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&codecs[i], NULL, codec, t.queue), 0);
    submit_all(t.queue, jobs, JOBS);
    px_queue_close(t.queue);
    for (int i = 0; i < 2; i++)
        pthread_join(codecs[i], NULL);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        px_seat_clear(&workers[i].seat);
    }
    assert_int_equal(t.inferred, JOBS);
    assert_true(t.handed > 0 && t.batches[false] > 0 && t.batches[true] > 0);
    px_queue_destroy(t.queue);
    free(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a lone job goes to the team, several go to singles, and never both at a time",
              test_lone),
        CHECK("a job that is being decoded counts as another", test_near),
        CHECK("teams take up to half as many jobs as there are CPUs in idle groups", test_few),
        CHECK("a job that only a team can do waits for its singles to finish and yield",
              test_team_only),
        CHECK("they go on if it is cancelled", test_cancelled),
        CHECK("meanwhile the singles of other groups pass it over", test_other_groups),
        CHECK("a job that is too large for a single goes to the team next", test_hand_over),
        CHECK("a team that is slower than one thread is not asked", test_slow_team),
        CHECK("how long singles take side by side says nothing about that", test_slow_crowd),
        CHECK("everything comes out once, and no team runs beside its singles", test_traffic),
    };
    for (size_t i = 0; i < 16; i++) {
        models[i].progress = px_model_progress_create();
        px_model_progress_finish(models[i].progress, (char[PX_SHA256_HEX_SIZE]){""}, 1);
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < 16; i++)
        px_model_progress_unref(models[i].progress);
    return failed;
}
