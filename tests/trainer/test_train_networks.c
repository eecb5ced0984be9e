/* What can be trained: networks, types, batches and sizes. */

#include "tests/trainer/program.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "model/dnn/conv.h"

static void test_bf16(void **state)
{
    struct run run;
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};
    const char *const *options =
        MORE("--save-latest-freq", "3", "--n-epochs", "60", "--dtype", "bf16");
    (void)state;

    if (!px_dnn_has_bf16()) {
        train(&run, in("half.safetensors"), options, 0);
        assert_one_line(&run, 2, "give --dtype f32");
        return;
    }
    train(&run, in("half.safetensors"), options, 0);
    assert_done(&run);
    assert_true(last_L1(run.out) < 0.5 * first_L1(run.out));
    assert_int_equal(px_checkpoint_open(&checkpoint, in("half.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_dtype(checkpoint), PX_F32);
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "dtype"), "bf16");
    px_checkpoint_close(checkpoint);

    start(&run, in("other-half.safetensors"), options, 0);
    wait_for(in("other-half.safetensors"));
    kill(run.pid, SIGINT);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    train(&run, in("other-half.safetensors"), MORE("--n-epochs", "60", "--continue-train"), 0);
    assert_one_line(&run, 2, "began with dtype bf16, now it is (its default)");
    train(&run, in("other-half.safetensors"),
          MORE("--n-epochs", "60", "--continue-train", "--dtype", "bf16"), 0);
    assert_done(&run);
    assert_same_file(in("half.safetensors"), in("other-half.safetensors"));
    assert_same_file(in("half.state"), in("other-half.state"));
}

static void test_batches(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("batch.safetensors"),
          MORE("--batch-size", "4", "--direction", "BtoA", "--input-nc", "1", "--no-flip",
               "--no-dropout", "--seed", "9"),
          0);
    assert_done(&run);
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};
    assert_int_equal(px_checkpoint_open(&checkpoint, in("batch.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_network(checkpoint)->input_nc, 1);
    assert_string_equal(px_checkpoint_network(checkpoint)->direction, "BtoA");
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "steps"),
                        "12"); /* 4, 4, 2 */
    px_checkpoint_close(checkpoint);

    train(&run, in("big.safetensors"), MORE("--batch-size", "11"), 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("big.safetensors"), &err), 0);
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "steps"), "4"); /* of 10 */
    px_checkpoint_close(checkpoint);

    train(&run, in("parts.safetensors"), MORE("--batch-size", "2", "--accumulate", "2"), 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("parts.safetensors"), &err), 0);
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "steps"),
                        "12"); /* 4, 4, 2 */
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "accumulate"), "2");
    px_checkpoint_close(checkpoint);
}

/* Trains five pairs with the options, once and with an end after each of its saves. */
static void check_last_batch(const char *name, const char *const *options, const char *const *again)
{
    struct run run;
    struct px_checkpoint *checkpoint;
    struct px_error err = {0};
    char whole[64], parts[64], log[64];
    static char text[1 << 16];

    snprintf(whole, sizeof whole, "%s.safetensors", name);
    snprintf(parts, sizeof parts, "%s-parts.safetensors", name);
    snprintf(log, sizeof log, "%s.loss_log.txt", name);
    train(&run, in(whole), options, 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in(whole), &err), 0);
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "epoch"), "42");
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "steps_per_epoch"),
                        strstr(name, "seven") ? "1" : "3");
    px_checkpoint_close(checkpoint);
    slurp(log, text, sizeof text); /* images are counted as the reference does: 3 steps of 2 */
    if (!strstr(name, "seven"))
        assert_non_null(strstr(text, "(epoch: 42, iters: 6, "));

    start(&run, in(parts), options, 0);
    for (int ends = 0; ends < 3; ends++) {
        wait_for(in(parts));
        assert_int_equal(remove(in(parts)), 0);
        kill(run.pid, ends % 2 ? SIGINT : SIGKILL);
        finish(&run);
        start(&run, in(parts), again, 0);
    }
    finish(&run);
    assert_done(&run);
    assert_same_file(in(whole), in(parts));
}

static void test_last_batch(void **state)
{
    (void)state;

    make_data("five", 5);
    check_last_batch("five",
                     MORE("--data", in("five"), "--batch-size", "2", "--n-epochs", "40",
                          "--save-latest-freq", "2", "--print-freq", "1"),
                     MORE("--data", in("five"), "--batch-size", "2", "--n-epochs", "40",
                          "--save-latest-freq", "2", "--print-freq", "1", "--continue-train"));
    make_data("seven", 7);
    check_last_batch(
        "seven",
        MORE("--data", in("seven"), "--batch-size", "2", "--accumulate", "4", "--n-epochs", "40"),
        MORE("--data", in("seven"), "--batch-size", "2", "--accumulate", "4", "--n-epochs", "40",
             "--continue-train"));
}

/* The paper's ablations, each interrupted and continued. */
static void test_ablations(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    (void)state;

    train(&run, in("l1.safetensors"), MORE("--lambda-GAN", "0", "--print-freq", "10"), 0);
    assert_done(&run);
    assert_null(strstr(run.out, "[Network D]"));
    assert_non_null(strstr(run.out, "G_GAN: 0.000"));
    train(&run, in("l1.safetensors"), MORE("--continue-train"), 0);
    assert_one_line(&run, 2, "lambda-GAN 0, now it is (its default)");
    train(&run, in("l1.safetensors"), MORE("--lambda-GAN", "0", "--continue-train"), 0);
    assert_done(&run);

    train(&run, in("ed.safetensors"),
          MORE("--netG", "encoder_decoder_32", "--lambda-L1", "0", "--gan-mode", "lsgan",
               "--no-conditional-D", "--print-freq", "10"),
          0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "G_L1: 0.000"));
    assert_int_equal(px_checkpoint_open(&checkpoint, in("ed.safetensors"), &err), 0);
    assert_string_equal(px_checkpoint_network(checkpoint)->architecture, "encoder_decoder_32");
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "gan_mode"), "lsgan");
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "no_conditional_D"),
                        "true");
    px_checkpoint_close(checkpoint);
}

static void test_networks(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    (void)state;

    train(&run, in("in.safetensors"),
          MORE("--norm", "instance", "--netD", "pixel", "--init-type", "orthogonal", "--init-gain",
               "1", "--batch-size", "2"),
          0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("in.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_network(checkpoint)->norm, PX_NORM_INSTANCE);
    px_checkpoint_close(checkpoint);
    train(&run, in("in.safetensors"), MORE("--batch-size", "2", "--continue-train"), 0);
    assert_one_line(&run, 2, "now it is (its default)");

    train(
        &run, in("no.safetensors"),
        MORE("--norm", "none", "--netD", "n_layers", "--n-layers-D", "2", "--init-type", "kaiming"),
        0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("no.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_network(checkpoint)->norm, PX_NORM_NONE);
    px_checkpoint_close(checkpoint);
}

static void test_resnet(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    const char *const *options = MORE("--netG", "resnet_6blocks", "--norm", "instance",
                                      "--batch-size", "2", "--lr", "0.002", "--print-freq", "10");
    const char *const *again = MORE("--netG", "resnet_6blocks", "--norm", "instance",
                                    "--batch-size", "2", "--lr", "0.002", "--continue-train");
    (void)state;

    train(&run, in("res.safetensors"), options, 0);
    assert_done(&run);
    assert_true(last_L1(run.out) < 0.7 * first_L1(run.out));
    assert_int_equal(px_checkpoint_open(&checkpoint, in("res.safetensors"), &err), 0);
    assert_string_equal(px_checkpoint_network(checkpoint)->architecture, "resnet_6blocks");
    assert_true(px_checkpoint_network(checkpoint)->dropout);
    px_checkpoint_close(checkpoint);

    start(&run, in("res2.safetensors"), options, 0);
    wait_for(in("res2.safetensors"));
    kill(run.pid, SIGKILL);
    finish(&run);
    train(&run, in("res2.safetensors"), again, 0);
    assert_done(&run);
    assert_same_file(in("res.safetensors"), in("res2.safetensors"));
}

/* Each pair at its own size, interrupted too. */
static void test_sizes(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_image sheet;
    const char *const *options =
        MORE("--data", in("sizes"), "--pairs", "halves", "--preprocess", "none", "--n-epochs", "4",
             "--print-freq", "4", "--lr", "0.002");
    const char *const *again =
        MORE("--data", in("sizes"), "--pairs", "halves", "--preprocess", "none", "--n-epochs", "4",
             "--print-freq", "4", "--lr", "0.002", "--continue-train");
    (void)state;

    assert_int_equal(px_make_folder(in("sizes/train"), &err), 0);
    assert_int_equal(px_make_folder(in("sizes/val"), &err), 0);
    save_noise("sizes/train/a.png", 2 * 32, 64);
    save_noise("sizes/train/b.png", 2 * 100, 30);
    save_noise("sizes/train/c.png", 2 * 64 + 1, 64);
    save_noise("sizes/train/d.png", 2 * 32, 64);
    save_noise("sizes/val/e.png", 2 * 96, 40);
    save_noise("sizes/val/f.png", 2 * 7, 5);
    train(&run, in("sizes.safetensors"), options, 0);
    assert_done(&run);
    assert_true(last_L1(run.out) < first_L1(run.out));
    assert_non_null(strstr(run.out, "side by side: halves of 32x64 to 64x64\n"));
    assert_non_null(strstr(run.out, "used whole, scaled to 32x64 to 64x64\n"));
    assert_int_equal(px_image_load(in("sizes.pictures/epoch_001.png"), NULL, 3, &sheet, &err), 0);
    assert_int_equal(sheet.width, 3 * 32 + 2 * 4); /* scaled to fit */
    px_image_clear(&sheet);

    start(&run, in("sizes2.safetensors"), options, 0);
    wait_for(in("sizes2.safetensors"));
    kill(run.pid, SIGKILL);
    finish(&run);
    train(&run, in("sizes2.safetensors"), again, 0);
    assert_done(&run);
    assert_same_file(in("sizes.safetensors"), in("sizes2.safetensors"));

    train(&run, in("sizes3.safetensors"),
          MORE("--data", in("sizes"), "--pairs", "halves", "--preprocess", "none", "--batch-size",
               "2"),
          0);
    assert_one_line(&run, 2, "need --batch-size 1");
    train(&run, in("sizes3.safetensors"), /* ... though not where all are as wide and as high */
          MORE("--data", in("data"), "--preprocess", "scale_width", "--load-size", "64",
               "--batch-size", "2", "--netG", "resnet_6blocks", "--n-epochs", "0"),
          0);
    assert_done(&run);
    train(&run, in("sizes4.safetensors"),
          MORE("--data", in("sizes"), "--pairs=halves", "--preprocess", "crop", "--n-epochs", "0"),
          0);
    assert_one_line(&run, 1, "b.png: a picture of 100x30 is smaller than --crop-size 32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("bf16 learns, resumes to the same bytes, and goes on only in bf16", test_bf16),
        CHECK("batches, directions and grey inputs train", test_batches),
        CHECK("the last, smaller batch of an epoch is trained, and resumes", test_last_batch),
        CHECK("the paper's ablations train and are continued", test_ablations),
        CHECK("norms, discriminators and initial weights can be chosen", test_networks),
        CHECK("a ResNet trains and is continued to the same bytes", test_resnet),
        CHECK("pairs of many sizes train, each at its own", test_sizes),
    };
    return run_program_tests(tests, sizeof tests / sizeof *tests);
}
