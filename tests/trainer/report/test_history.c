#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/report/history.h"

static char folder[64], loss_log[96], metrics[96];

static void slurp(const char *path, char *text, size_t room)
{
    uint8_t *data;
    size_t size;
    struct px_error err = {0};

    assert_int_equal(px_file_read(path, room - 1, &data, &size, &err), 0);
    memcpy(text, data, size);
    text[size] = 0;
    free(data);
}

static const struct px_history_options options = {.loss_log = loss_log,
                                                  .metrics = metrics,
                                                  .steps_per_epoch = 5,
                                                  .batch_size = 2,
                                                  .print_freq = 4};

/* Steps (first, last], with an epoch's validation after every fifth. */
static void add(struct px_history *h, int64_t first, int64_t last)
{
    struct px_error err = {0};

    for (int64_t s = first + 1; s <= last; s++) {
        struct px_history_step step = {.step = s,
                                       .lr = 0.0002,
                                       .losses = {1, (float)s, 0.5f, 0.25f},
                                       .images = 2,
                                       .compute = 3,
                                       .data = 1};
        struct px_history_epoch epoch = {s / 5, s, {0.25, 20.5, 0.75}, 7, s == 5, 60};
        assert_int_equal(px_history_add_step(h, &step, &err), 0);
        if (s % 5 == 0)
            assert_int_equal(px_history_add_epoch(h, &epoch, &err), 0);
    }
}

static void test_lines(void **state)
{
    struct px_history *h;
    struct px_error err = {0};
    char text[8192];
    (void)state;

    assert_int_equal(px_history_open(&h, &options, 0, &err), 0);
    add(h, 0, 7);
    px_history_close(h);
    slurp(loss_log, text, sizeof text);
    assert_int_equal(strncmp(text, "================ Training Loss (", 32), 0);
    char *line = strchr(text, '\n') + 1;
    assert_string_equal(line, "(epoch: 1, iters: 4, time: 1.500, data: 0.500) G_GAN: 1.000 G_L1: "
                              "2.000 D_real: 0.500 D_fake: 0.250 \n"
                              "(epoch: 1, iters: 8, time: 1.500, data: 0.500) G_GAN: 1.000 G_L1: "
                              "4.000 D_real: 0.500 D_fake: 0.250 \n"
                              "(epoch: 2, iters: 2, time: 1.500, data: 0.500) G_GAN: 1.000 G_L1: "
                              "6.000 D_real: 0.500 D_fake: 0.250 \n");
    slurp(metrics, text, sizeof text);
    assert_non_null(strstr(text, "{\"epoch\":1,\"step\":4,\"lr\":0.0002,\"G_GAN\":1,\"G_L1\":3.5,"
                                 "\"D_real\":0.5,\"D_fake\":0.25,\"over\":2,"
                                 "\"seconds_per_image\":1.5,\"data_seconds_per_image\":0.5,"));
    assert_non_null(strstr(text, "{\"epoch\":1,\"step\":5,\"lr\":0.0002,\"G_GAN\":1,\"G_L1\":5,"));
    assert_non_null(strstr(text, "{\"epoch\":1,\"step\":5,\"val_L1\":0.25,\"val_PSNR\":20.5,"
                                 "\"val_SSIM\":0.75,\"val_pairs\":7,\"best\":true,"
                                 "\"epoch_seconds\":60,"));
}

static void test_resume(void **state)
{
    struct px_history *h, *again;
    const struct px_history_losses *losses;
    const struct px_history_epoch *epochs;
    size_t losses_count, epochs_count;
    struct px_error err = {0};
    char text[8192];
    FILE *file;
    (void)state;

    assert_int_equal(px_history_open(&h, &options, 0, &err), 0);
    add(h, 0, 17);
    px_history_close(h);
    file = fopen(metrics, "a"); /* killed in the middle of a line */
    assert_non_null(file);
    fputs("{\"epoch\":4,\"st", file);
    fclose(file);

    assert_int_equal(px_history_open(&again, &options, 11, &err), 0);
    epochs = px_history_all_epochs(again, &epochs_count);
    losses = px_history_all_losses(again, &losses_count);
    assert_int_equal(epochs_count, 2);
    assert_int_equal(epochs[0].epoch, 1);
    assert_true(epochs[0].best);
    assert_false(epochs[1].best);
    assert_true(epochs[1].quality.psnr == 20.5);
    assert_int_equal(epochs[1].pairs, 7);
    assert_int_equal(losses_count, 6); /* 2 4 5 6 8 10 */
    assert_int_equal(losses[5].step, 10);
    assert_true(losses[4].mean.G_L1 == 7.5f);
    add(again, 11, 20);
    px_history_all_epochs(again, &epochs_count);
    assert_int_equal(epochs_count, 4);
    px_history_close(again);

    slurp(metrics, text, sizeof text);
    long last = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        long step = atol(strstr(line, "\"step\":") + 7);
        assert_true(step > last || (step == last && strstr(line, "val_L1")));
        last = step;
    }
    assert_int_equal(last, 20);
    slurp(loss_log, text, sizeof text);
    assert_ptr_equal(strstr(strstr(text, "(epoch: 3, iters: 4,") + 1, "(epoch: 3, iters: 4,"),
                     NULL);
    assert_non_null(
        strstr(strstr(text, "(epoch: 2, iters: 10,"), "================ Training Loss"));

    assert_int_equal(px_history_open(&h, &options, 0, &err),
                     0); /* a new training begins new files */
    px_history_close(h);
    slurp(metrics, text, sizeof text);
    assert_string_equal(text, "");
}

/* Killed between the line of an epoch's validation and the state that knows of it. */
static void test_validates_again(void **state)
{
    struct px_history_options other = options;
    struct px_history *h;
    struct px_error err = {0};
    size_t epochs;
    char text[8192];
    (void)state;

    assert_int_equal(px_history_open(&h, &options, 0, &err), 0);
    add(h, 0, 10);
    px_history_close(h);
    other.validates_again = true;
    assert_int_equal(px_history_open(&h, &other, 10, &err), 0);
    px_history_all_epochs(h, &epochs);
    assert_int_equal(epochs, 1);
    px_history_close(h);
    slurp(metrics, text, sizeof text);
    char *first = strstr(text, "val_L1");
    assert_non_null(first);
    assert_null(strstr(first + 1, "val_L1"));
    assert_non_null(strstr(text, "\"step\":10"));
}

static void test_unwritable(void **state)
{
    struct px_history_options other = options;
    struct px_history *h;
    struct px_error err = {0};
    (void)state;

    other.metrics = "/proc/no.jsonl";
    assert_int_equal(px_history_open(&h, &other, 0, &err), -PX_E_IO);
    assert_non_null(strstr(err.message, "/proc/no.jsonl"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("losses are logged as the reference does, and as JSON lines", test_lines),
        CHECK("a resumed training cuts off what lies after its step", test_resume),
        CHECK("a validation that is done again has one line", test_validates_again),
        CHECK("a file that cannot be written is named", test_unwritable),
    };
    snprintf(folder, sizeof folder, "/tmp/px-history-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(loss_log, sizeof loss_log, "%s/m.loss_log.txt", folder);
    snprintf(metrics, sizeof metrics, "%s/m.metrics.jsonl", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
