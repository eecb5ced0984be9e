/* What cannot be trained. */

#include "tests/trainer/program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static void test_refuses(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("one.safetensors"), MORE("--n-epochs", "0", "--n-epochs-decay", "1"), 0);
    assert_done(&run);
    train(&run, in("one.safetensors"), MORE("--n-epochs", "0"), 0);
    assert_one_line(&run, 1, "one.state is there");
    train(&run, in("one.safetensors"), MORE("--n-epochs", "0", "--continue-train", "--ngf", "8"),
          0);
    assert_one_line(&run, 2, "ngf 4, now it is 8");
    train(&run, in("two.safetensors"), MORE("--continue-train"), 0);
    assert_one_line(&run, 1, "two.state");
    train(&run, "/proc/no.safetensors", MORE("--seed", "1"), 0);
    assert_one_line(&run, 1, "/proc/no");
    train(&run, in("new/folder/two.safetensors"), MORE("--seed", "1"), 0);
    assert_one_line(&run, 1, "/new/folder: cannot create the folder: the folder around it");
    train(&run, in("new/two.safetensors"), MORE("--n-epochs", "0"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "Created the folder of --out "));
    train(&run, in("two.safetensors"), MORE("--ngff", "1"), 0);
    assert_one_line(&run, 2, "ngff");
    train(&run, in("two.safetensors"), MORE("--data", in("nowhere")), 0);
    assert_one_line(&run, 1, "nowhere");
}

static void test_corrupt(void **state)
{
    struct run run;
    struct px_error err = {0};
    (void)state;

    make_data("bad", 2);
    assert_int_equal(px_file_save(in("bad/zz.png"), "\x89PNG\r\n\x1a\n", 8, &err), 0);
    train(&run, in("bad.safetensors"), MORE("--data", in("bad")), 0);
    assert_one_line(&run, 1, "bad/zz.png");
    assert_non_null(strstr(run.out, "Broken: "));
    assert_int_equal(access(in("bad.safetensors"), F_OK), -1);
    assert_int_equal(access(in("bad.state"), F_OK), -1);
    train(&run, in("bad.safetensors"), MORE("--data", in("bad"), "--skip-broken"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "/bad/zz.png: "));
    assert_non_null(strstr(run.out, "The number of training images = 2 ("));
    assert_non_null(strstr(run.out, "  left out: 1 broken file\n"));
}

/* What is no set of pairs is refused; what was found is shown. */
static void test_not_pairs(void **state)
{
    struct run run;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_make_folder(in("photos/val"), &err), 0);
    make_data("photos/train", 2);
    save_noise("photos/val/single.png", 64, 63);
    assert_int_equal(px_file_save(in("photos/train/x.bmp"), "x", 1, &err), 0);
    train(&run, in("photos.safetensors"), MORE("--data", in("photos")), 0);
    assert_one_line(&run, 2, "photos/val: 1 of 1 pictures are not clearly pairs");
    assert_non_null(strstr(run.out, "photos/train, A and B side by side: halves of 32x32\n"));
    assert_non_null(strstr(run.out, "left out: 1 picture that is neither PNG nor JPEG ("));
    assert_non_null(strstr(run.out, "photos/train/x.bmp)\n"));
    assert_int_equal(access(in("photos.state"), F_OK), -1);
    train(&run, in("photos.safetensors"), MORE("--data", in("photos"), "--pairs=halves"), 0);
    assert_done(&run);
}

/* Pairs that do not fit are named before anything is written. */
static void test_bad_pairs(void **state)
{
    struct run run;
    struct px_error err = {0};
    static const char *const names[] = {"one", "two", "three"};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "pairs/A/train/%s.png", names[i]);
        assert_int_equal(px_make_folder(in("pairs/A/train"), &err), 0);
        save_noise(path, 40, 40);
        path[6] = 'B';
        assert_int_equal(px_make_folder(in("pairs/B/train"), &err), 0);
        save_noise(path, 40, 40);
    }
    assert_int_equal(remove(in("pairs/B/train/two.png")), 0);
    train(&run, in("bad/x.safetensors"), MORE("--data", in("pairs")), 0);
    assert_one_line(&run, 2, "pairs/A/train/two.png has no partner in ");
    save_noise("pairs/B/train/two.png", 40, 41);
    train(&run, in("bad/x.safetensors"), MORE("--data", in("pairs")), 0);
    assert_one_line(&run, 1, "B/train/two.png: is 40x41, its partner in A is 40x40");
    save_noise("pairs/B/train/two.png", 40, 40);
    train(&run, in("bad/x.safetensors"),
          MORE("--data", in("pairs"), "--preprocess", "crop", "--crop-size", "64", "--load-size",
               "64"),
          0);
    assert_one_line(&run, 1, "one.png: a picture of 40x40 is smaller than --crop-size 64");
    assert_non_null(strstr(run.err, "(and 2 other unusable files: three.png, two.png)"));
    assert_int_equal(px_file_save(in("file"), "x", 1, &err), 0);
    train(&run, in("file/x.safetensors"), MORE("--data", in("pairs")), 0);
    assert_one_line(&run, 1, "/file");
    assert_int_equal(access(in("bad/x.state"), F_OK), -1);
    assert_int_equal(access(in("bad/x.safetensors"), F_OK), -1);
    train(&run, in("bad/x.safetensors"), MORE("--data", in("pairs"), "--n-epochs", "0"), 0);
    assert_done(&run);
    train(&run, in("bad/x.safetensors"),
          MORE("--data", in("pairs"), "--n-epochs", "0", "--continue-train", "--netG",
               "resnet_6blocks"),
          0);
    assert_one_line(&run, 2, "netG unet_32, now it is resnet_6blocks");
}

/* An epoch's pictures are no pairs, though they lie in a folder below. */
static void test_beside_data(void **state)
{
    struct run run;
    const char *own = in("own");
    (void)state;

    make_data("own", 6);
    train(&run, in("own/one.safetensors"), MORE("--data", own), 0);
    assert_done(&run);
    train(&run, in("own/one.safetensors"), MORE("--data", own, "--continue-train"), 0);
    assert_done(&run);
    train(&run, in("own/two.safetensors"), MORE("--data", own), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "The number of training images = 6 ("));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("what cannot be trained is refused in one line", test_refuses),
        CHECK("pairs that do not fit are named before the first step", test_bad_pairs),
        CHECK("a corrupt picture is named before the first step", test_corrupt),
        CHECK("a data set that is not clearly pairs is refused", test_not_pairs),
        CHECK("what a training writes beside its pairs is not trained on", test_beside_data),
    };
    return run_program_tests(tests, sizeof tests / sizeof *tests);
}
