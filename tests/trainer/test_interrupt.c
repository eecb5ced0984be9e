/* A training that is interrupted, by whatever, and continued. */

#include "tests/trainer/program.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"

static void test_threads(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("team.safetensors"), MORE("--n-epochs", "0"), 0);
    assert_done(&run);
    train(&run, in("team.safetensors"), MORE("--n-epochs", "0", "--continue-train"), 0);
    assert_done(&run);
    assert_null(strstr(run.out, "bit-identical"));
    train(&run, in("team.safetensors"),
          MORE("--n-epochs", "0", "--continue-train", "--threads", "2"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "with 1 threads, now it is 2"));
}

static void test_resume(void **state)
{
    struct run run;
    const char *const *options = MORE("--save-latest-freq", "3", "--n-epochs", "60");
    const char *const *again =
        MORE("--save-latest-freq", "7", "--n-epochs", "60", "--continue-train");
    (void)state;

    train(&run, in("straight.safetensors"), options, 0);
    assert_done(&run);

    start(&run, in("broken.safetensors"), options, 0);
    wait_for(in("broken.safetensors"));
    kill(run.pid, SIGINT);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    assert_int_equal(remove(in("broken.safetensors")), 0); /* a resume needs only the state */

    start(&run, in("broken.safetensors"), again, 0);
    wait_for(in("broken.safetensors"));
    kill(run.pid, SIGKILL); /* as a power loss */
    finish(&run);
    assert_int_equal(run.status, 1000 + SIGKILL);
    train(&run, in("broken.safetensors"), again, 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "Continuing after "));

    assert_same_file(in("straight.safetensors"), in("broken.safetensors"));
    assert_same_file(in("straight.state"), in("broken.state"));
    assert_same_file(in("straight.best/straight.safetensors"),
                     in("broken.best/broken.safetensors"));
    assert_same_file(in("straight.pictures/epoch_062.png"), in("broken.pictures/epoch_062.png"));
    assert_steps_once("straight.metrics.jsonl", 62);
    assert_steps_once("broken.metrics.jsonl", 62);
    assert_int_equal(access(in("broken.report.html"), F_OK), 0);

    assert_int_equal(remove(in("broken.safetensors")), 0);
    train(&run, in("broken.safetensors"), again, 0); /* complete: only the checkpoint comes back */
    assert_done(&run);
    assert_same_file(in("straight.safetensors"), in("broken.safetensors"));
}

/* A rate of 0 never changes the generator, so nothing gets better: after 7 epochs the rate falls.
 * Interrupted on the way it ends the same. */
static void test_plateau(void **state)
{
    struct run run;
    const char *const *options =
        MORE("--lr-policy", "plateau", "--lr", "1e-7", "--n-epochs", "20", "--n-epochs-decay", "0");
    const char *const *again = MORE("--lr-policy", "plateau", "--lr", "1e-7", "--n-epochs", "20",
                                    "--n-epochs-decay", "0", "--continue-train");
    (void)state;

    train(&run, in("pl.safetensors"), options, 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "lr 0.0000001"));
    char *last = strstr(run.out, "End of epoch 20 / 20");
    assert_non_null(last);
    assert_non_null(strstr(last, "lr 0.0000000,"));
    start(&run, in("pl2.safetensors"), options, 0);
    wait_for(in("pl2.safetensors"));
    kill(run.pid, SIGKILL);
    finish(&run);
    train(&run, in("pl2.safetensors"), again, 0);
    assert_done(&run);
    assert_same_file(in("pl.safetensors"), in("pl2.safetensors"));
    assert_same_file(in("pl.state"), in("pl2.state"));
}

static void test_full_disk(void **state)
{
    struct run run;
    char temporary[300];
    (void)state;

    train(&run, in("full.safetensors"), MORE("--n-epochs", "1", "--n-epochs-decay", "0"), 1000);
    assert_one_line(&run, 1, "full.best/full.safetensors");
    assert_int_equal(access(in("full.state"), F_OK), -1);
    assert_int_equal(access(in("full.safetensors"), F_OK), -1);
    snprintf(temporary, sizeof temporary, "%s.tmp-%ld", in("full.best/full.safetensors"),
             (long)run.pid);
    assert_int_equal(access(temporary, F_OK), -1);

    /* An earlier state and checkpoint stay as they are, and the training can go on afterwards. */
    train(&run, in("whole.safetensors"), MORE("--n-epochs", "60", "--seed", "2"), 0);
    assert_done(&run);
    start(&run, in("full.safetensors"),
          MORE("--n-epochs", "60", "--seed", "2", "--save-latest-freq", "1"), 0);
    wait_for(in("full.safetensors"));
    kill(run.pid, SIGTERM);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    struct px_error err = {0};
    uint8_t *before;
    size_t size;
    assert_int_equal(px_file_read(in("full.state"), 1 << 28, &before, &size, &err), 0);
    train(&run, in("full.safetensors"), MORE("--n-epochs", "60", "--seed", "2", "--continue-train"),
          1000);
    assert_one_line(&run, 1, "full.s");
    assert_same_bytes(in("full.state"), before, size);
    train(&run, in("full.safetensors"), MORE("--n-epochs", "60", "--seed", "2", "--continue-train"),
          (rlim_t)size - 1000); /* enough for the checkpoint, not for the next state */
    assert_one_line(&run, 1, "once there is room, the same command with --continue-train goes on");
    assert_same_bytes(in("full.state"), before, size);
    free(before);
    train(&run, in("full.safetensors"), MORE("--n-epochs", "60", "--seed", "2", "--continue-train"),
          0);
    assert_done(&run);
    assert_same_file(in("whole.safetensors"), in("full.safetensors"));
}

/* No option makes these small networks diverge within a test, so the state that is continued is
 * made to hold NaNs, in the last weights of the file. */
static void test_diverges(void **state)
{
    struct run run;
    struct px_error err = {0};
    uint8_t *data;
    size_t size;
    (void)state;

    start(&run, in("nan.safetensors"), MORE("--n-epochs", "300", "--save-latest-freq", "1"), 0);
    wait_for(in("nan.safetensors"));
    kill(run.pid, SIGTERM);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    assert_int_equal(px_file_read(in("nan.state"), 1 << 28, &data, &size, &err), 0);
    memset(data + size - 4, 0xff, 4);
    assert_int_equal(px_file_save(in("nan.state"), data, size, &err), 0);
    train(&run, in("nan.safetensors"), MORE("--n-epochs", "300", "--continue-train"), 0);
    assert_one_line(&run, 1, "diverged");
    assert_same_bytes(in("nan.state"), data, size);
    free(data);
}

static void pause_ms(uint32_t ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&pause, NULL);
}

/* Is the checkpoint, where there is one, whole? */
static void assert_readable(const char *path)
{
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};

    if (access(path, F_OK) != 0)
        return;
    if (px_checkpoint_open(&checkpoint, path, &err) != 0)
        fail_msg("%s", err.message);
    px_checkpoint_close(checkpoint);
}

/* Ended at random moments, again and again, the training gets to the same bytes; and at no moment
 * is there a file that is not whole. The moments come from the test's process id, which a failure
 * tells. */
static void test_random_ends(void **state)
{
    static const int signals[] = {SIGKILL, SIGKILL, SIGTERM, SIGINT};
    const char *const *first = MORE("--n-epochs", "30", "--save-latest-freq", "1", "--seed", "3",
                                    "--save-epoch-freq", "1");
    const char *const *again = MORE("--n-epochs", "30", "--save-latest-freq", "1", "--seed", "3",
                                    "--save-epoch-freq", "1", "--continue-train");
    struct px_random random;
    struct run run = {.status = -1};
    (void)state;

    train(&run, in("calm.safetensors"), first, 0);
    assert_done(&run);
    print_message("# seed %ld\n", (long)getpid());
    px_random_seed(&random, (uint64_t)getpid());
    int ends = 0;
    for (run.status = -1; run.status != 0; ends++) {
        assert_true(ends < 1000);
        start(&run, in("rough.safetensors"), access(in("rough.state"), F_OK) == 0 ? again : first,
              0);
        pause_ms(10 + px_random_below(&random, 150) + (uint32_t)ends * 2);
        kill(run.pid, signals[px_random_below(&random, 4)]);
        finish(&run);
        if (run.status != 0 && run.status != 130 && run.status != 1000 + SIGKILL)
            print_error("%s", run.err);
        assert_true(run.status == 0 || run.status == 130 || run.status >= 1000);
        assert_readable(in("rough.safetensors"));
        assert_readable(in("rough.best/rough.safetensors"));
    }
    assert_true(ends > 5);
    assert_same_file(in("calm.safetensors"), in("rough.safetensors"));
    assert_same_file(in("calm.state"), in("rough.state"));
    assert_same_file(in("calm.best/calm.safetensors"), in("rough.best/rough.safetensors"));
    assert_same_file(in("calm.epochs/calm_017.safetensors"),
                     in("rough.epochs/rough_017.safetensors"));
    assert_steps_once("rough.metrics.jsonl", 32);
}

static double seconds(const struct timespec *t)
{
    return (double)t->tv_sec + 1e-9 * (double)t->tv_nsec;
}

/* What the process has computed so far; the machine may be busy with others. */
static double computed(pid_t pid)
{
    clockid_t clock;
    struct timespec now;

    assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &now), 0);
    return seconds(&now);
}

/* The same of all children that have ended. */
static double computed_by_ended(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* A step of this training takes ten seconds to compute, so one that goes on to its end, or does
 * anything else first, is noticed by what it computes. */
static void test_leaves_at_once(void **state)
{
    struct run run;
    double before, others = computed_by_ended();
    (void)state;

    start(&run, in("slow.safetensors"),
          MORE("--netG", "unet_512", "--ngf", "32", "--ndf", "64", "--crop-size", "1024",
               "--load-size", "1024"),
          0);
    wait_for(in("slow.metrics.jsonl")); /* from here on it steps */
    pause_ms(100);
    kill(run.pid, SIGINT);
    pause_ms(200);
    before = computed(run.pid);
    kill(run.pid, SIGINT);
    finish(&run);
    assert_int_equal(run.status, 130);
    assert_string_equal(run.err, ""); /* the first one would have said what was saved */
    double more = computed_by_ended() - others - before;
    if (more >= 3)
        print_error("%.2f s were computed after the second signal\n", more);
    assert_true(more < 3); /* to give the memory back takes a part of one */
    assert_int_equal(access(in("slow.state"), F_OK), -1);
}

/* Waits until a text file has a line with `part`. */
static void wait_for_line(const char *name, const char *part)
{
    static char text[1 << 16];
    const struct timespec pause = {0, 1000000};

    for (int i = 0; i < 60000; i++) {
        text[0] = 0;
        if (access(in(name), F_OK) == 0)
            slurp(name, text, sizeof text);
        if (strstr(text, part))
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("%s did not get %s within a minute", name, part);
}

/* A validation of a thousand pairs ends at once; continued, it is done first. */
static void test_validation(void **state)
{
    struct run run;
    char data[256];
    const char *const *options =
        MORE("--data", data, "--num-val", "0", "--n-epochs", "1", "--n-epochs-decay", "1");
    bool hit = false;
    (void)state;

    snprintf(data, sizeof data, "%s", in("long"));
    make_data("long/train", 3);
    make_data("long/val", 1000);
    train(&run, in("v.safetensors"), options, 0);
    assert_done(&run);
    for (int i = 0; i < 10 && !hit; i++) {
        char command[300];
        snprintf(command, sizeof command, "rm -rf %s.*", in("w"));
        assert_int_equal(system(command), 0);
        start(&run, in("w.safetensors"), options, 0);
        wait_for_line("w.metrics.jsonl", "\"step\":3,\"lr\"");
        kill(run.pid, SIGINT);
        finish(&run);
        hit = strstr(run.out, "End of epoch 1 ") == NULL; /* or it was over already */
    }
    assert_true(hit);
    assert_one_line(&run, 130, "interrupted and saved after step 3 of 6");
    train(&run, in("w.safetensors"),
          MORE("--data", data, "--num-val", "0", "--n-epochs", "1", "--n-epochs-decay", "1",
               "--continue-train"),
          0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "End of epoch 1 / 2"));
    assert_same_file(in("v.safetensors"), in("w.safetensors"));
    assert_same_file(in("v.state"), in("w.state"));
    assert_same_file(in("v.best/v.safetensors"), in("w.best/w.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("another number of threads is told when a training goes on", test_threads),
        CHECK("interrupted, killed and resumed it ends in the same bytes", test_resume),
        CHECK("a plateau lowers the rate, also when continued", test_plateau),
        CHECK("ended at random moments it ends in the same bytes", test_random_ends),
        CHECK("a second Ctrl-C leaves at once", test_leaves_at_once),
        CHECK("a full disk leaves the last good files and one line", test_full_disk),
        CHECK("a training that diverges says so", test_diverges),
        CHECK("Ctrl-C ends a validation, which is done when continued", test_validation),
    };
    return run_program_tests(tests, sizeof tests / sizeof *tests);
}
