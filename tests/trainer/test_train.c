/* What pix2pix-train makes of its options. */

#include "tests/trainer/program.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codecs/codec.h"

static void test_learns(void **state)
{
    struct run run;
    struct px_checkpoint *checkpoint;
    struct px_image picture = {0};
    struct px_error err = {0};
    (void)state;

    train(&run, in("learn.safetensors"),
          MORE("--print-freq", "10", "--n-epochs", "20", "--lr", "0.002"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "The number of training images = 10"));
    assert_non_null(strstr(run.out, "End of epoch 22 / 22"));
    assert_true(last_L1(run.out) < 0.5 * first_L1(run.out));

    assert_int_equal(px_checkpoint_open(&checkpoint, in("learn.safetensors"), &err), 0);
    assert_string_equal(px_checkpoint_network(checkpoint)->architecture, "unet_32");
    assert_int_equal(px_checkpoint_network(checkpoint)->crop_size, 32);
    assert_int_equal(px_checkpoint_dtype(checkpoint), PX_F32);
    assert_true(px_checkpoint_has_running(checkpoint));
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "steps"), "220");
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "lr"), "0.002");
    assert_null(px_metadata_find(px_checkpoint_list(checkpoint), "data"));
    px_checkpoint_close(checkpoint);

    assert_int_equal(px_image_load(in("learn.pictures/epoch_022.png"), NULL, 3, &picture, &err), 0);
    assert_int_equal(picture.width, 3 * 32 + 2 * 4);
    assert_int_equal(picture.height, 4 * 32 + 3 * 4);
    /* Column 2 is the target of column 0, and the output begins to look like it. */
    const uint8_t *middle = picture.data + (size_t)(10 * 104 + 8) * 3;
    assert_int_equal(middle[0], 230);
    assert_int_equal(middle[72 * 3], 25);
    assert_true(middle[36 * 3] < 128);
    px_image_clear(&picture);

    uint8_t *page;
    size_t size;
    assert_int_equal(px_file_read(in("learn.report.html"), 3000000, &page, &size, &err), 0);
    assert_non_null(strstr((char *)page, "<title>learn: epoch 22 of 22</title>"));
    assert_non_null(strstr((char *)page, "&middot; complete"));
    free(page);
}

/* The best generator is that of the epoch with the lowest validation L1. */
static void test_best(void **state)
{
    struct run run;
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};
    static char text[1 << 16];
    double lowest = 1e9;
    char best[16] = "";
    (void)state;

    /* At so high a rate the last epoch is not the best one. */
    train(&run, in("best.safetensors"),
          MORE("--n-epochs", "8", "--n-epochs-decay", "0", "--lr", "0.05", "--num-val", "3"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "The number of validation images = 3"));
    slurp("best.metrics.jsonl", text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *at = strstr(line, "\"val_L1\":");
        if (!at)
            continue;
        bool better = atof(at + 9) < lowest;
        assert_int_equal(strstr(line, "\"best\":true") != NULL, better);
        if (better) {
            lowest = atof(at + 9);
            snprintf(best, sizeof best, "%d", atoi(strstr(line, "\"epoch\":") + 8));
        }
    }
    assert_string_not_equal(best, "8");
    assert_int_equal(px_checkpoint_open(&checkpoint, in("best.best/best.safetensors"), &err), 0);
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "epoch"), best);
    px_checkpoint_close(checkpoint);

    assert_int_equal(remove(in("best.safetensors")), 0);
    assert_int_equal(remove(in("best.state")), 0);
    train(&run, in("best.safetensors"), MORE("--n-epochs", "6"), 0);
    assert_one_line(&run, 1, "best.best/best.safetensors is there");

    train(&run, in("noval.safetensors"), MORE("--data", in("data/train"), "--n-epochs", "0"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "no best checkpoint"));
    assert_int_equal(access(in("noval.best"), F_OK), -1);
}

static void test_dry_run(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("dry/m.safetensors"), MORE("--dry-run"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "[Network G] unet_32, total number of parameters : "));
    assert_non_null(strstr(run.out, "Dry run: "));
    assert_non_null(strstr(run.out, "an epoch of 10 steps"));
    assert_int_equal(access(in("dry"), F_OK), -1);
}

static void test_profile(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("profile.safetensors"), MORE("--profile", "--n-epochs", "0"), 0);
    assert_done(&run);
    char *profile = strstr(run.out, "Profile of 20 steps, a step:\n");
    assert_non_null(profile);
    double parts = 0, sum = 0;
    for (char *line = strtok(strchr(profile, '\n') + 1, "\n"); line; line = strtok(NULL, "\n")) {
        double ms = atof(line + 14);
        if (strstr(line, " sum ") && strstr(line, "100.0 %"))
            sum = ms;
        else if (strstr(line, " ms "))
            parts += ms;
    }
    assert_true(sum > 0 && parts > 0.99 * sum - 0.05 && parts < 1.01 * sum + 0.05);
}

static void test_says(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("x.safetensors"), MORE("--version"), 0);
    assert_done(&run);
    assert_string_equal(run.out, "pix2pix-train " PX_VERSION "\n");
    train(&run, in("x.safetensors"), MORE("--help"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "--lambda-L1"));
    assert_non_null(strstr(run.out, "--continue-train"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("--version and --help answer", test_says),
        CHECK("L1 falls, and the checkpoint and the pictures are there", test_learns),
        CHECK("the generator with the lowest validation L1 is kept", test_best),
        CHECK("a dry run tells what is needed and writes nothing", test_dry_run),
        CHECK("the parts of the profile make up the whole", test_profile),
    };
    return run_program_tests(tests, sizeof tests / sizeof *tests);
}
