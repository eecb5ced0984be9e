#include "tests/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "trainer/report/progress.h"

static void read_back(FILE *file, char *text, size_t room)
{
    rewind(file);
    text[fread(text, 1, room - 1, file)] = 0;
    fclose(file);
}

static void train_a_little(FILE *out, bool terminal)
{
    struct px_progress p = {.out = out,
                            .terminal = terminal,
                            .epochs = 2,
                            .steps_per_epoch = 4,
                            .batch_size = 1,
                            .pairs = 4,
                            .print_freq = 2};
    struct px_gan_losses losses = {0.5f, 10, 0.25f, 0.75f};
    const struct px_history_epoch epoch = {
        .epoch = 1, .step = 4, .quality = {0.125, 20, 0.75}, .best = true, .seconds = 61};

    px_progress_init(&p);
    for (int64_t step = 1; step <= 4; step++)
        px_progress_step(&p, step, &losses);
    px_progress_epoch(&p, &epoch, 0.0002);
    px_progress_clear(&p);
}

static void test_plain(void **state)
{
    FILE *file = tmpfile();
    char text[4096];
    (void)state;

    assert_non_null(file);
    train_a_little(file, false);
    read_back(file, text, sizeof text);
    assert_null(strchr(text, '\r'));
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "(epoch: 1, iters: 2) G_GAN: 0.500 G_L1: 10.000 D_real: 0.250 "
                                 "D_fake: 0.750, "));
    assert_non_null(strstr(text, "(epoch: 1, iters: 4) "));
    assert_null(strstr(text, "iters: 3"));
    assert_non_null(strstr(text, "\nEnd of epoch 1 / 2, "));
    assert_non_null(strstr(text,
                           "lr 0.0002000, 1 min 01 s; validation L1 0.1250, PSNR 20.00 dB, SSIM "
                           "0.7500 (best)\n"));
}

/* A training that was interrupted between an epoch's last step and its validation continues so. */
static void test_no_step(void **state)
{
    struct px_progress p = {.out = tmpfile(), .epochs = 2, .steps_per_epoch = 4, .batch_size = 1};
    const struct px_history_epoch epoch = {.epoch = 1, .step = 4, .quality = {0.125, 20, 0.75}};
    char text[4096];
    (void)state;

    assert_non_null(p.out);
    px_progress_init(&p);
    px_progress_epoch(&p, &epoch, 0.0002);
    read_back(p.out, text, sizeof text);
    assert_string_equal(text, "End of epoch 1 / 2, lr 0.0002000, 0 s; validation L1 0.1250, PSNR "
                              "20.00 dB, SSIM 0.7500\n");
}

static void test_bar(void **state)
{
    FILE *file = tmpfile();
    char text[4096];
    (void)state;

    assert_non_null(file);
    train_a_little(file, true);
    read_back(file, text, sizeof text);
    assert_true(text[0] == '\r');
    char *wiped = strstr(text, "\r\033[KEnd of epoch");
    assert_non_null(wiped); /* the unfinished line goes before a lasting one comes */
    *wiped = 0;
    assert_null(strchr(text, '\n'));
    char *end = strstr(text, "\033[K");
    assert_non_null(end);
    assert_true(end - text - 1 <= 79); /* where no width is known it is 80, and one stays free */
    assert_non_null(strstr(text, "1/2 "));
    assert_non_null(strstr(text, "1/4  G_GAN: 0.500"));
}

static void test_duration(void **state)
{
    char text[32];
    (void)state;

    px_progress_duration(12.4, text, sizeof text);
    assert_string_equal(text, "12 s");
    px_progress_duration(250, text, sizeof text);
    assert_string_equal(text, "4 min 10 s");
    px_progress_duration(11520, text, sizeof text);
    assert_string_equal(text, "3 h 12 min");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("without a terminal progress is plain lines at the asked distance", test_plain),
        CHECK("on a terminal progress is one line, wiped before other text", test_bar),
        CHECK("an epoch without a step of this run shows no losses", test_no_step),
        CHECK("durations read as a person says them", test_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
