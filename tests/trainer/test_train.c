/* What pix2pix-train makes of its options. */

#include "tests/trainer/program.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "model/checkpoint/card.h"
#include "model/checkpoint/discriminator.h"
#include "model/dnn/conv.h"

static double first_L1(const char *text)
{
    const char *at = strstr(text, "G_L1: ");

    assert_non_null(at);
    return atof(at + 6);
}

static double last_L1(const char *text)
{
    double value = first_L1(text);

    while ((text = strstr(text, "G_L1: ")) != NULL)
        value = atof((text += 6));
    return value;
}

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

static void test_init(void **state)
{
    struct run run;
    struct px_checkpoint *a, *b, *c;
    (void)state;

    train(&run, in("base.safetensors"), MORE("--save-epoch-freq", "2"), 0);
    assert_done(&run);
    assert_int_equal(access(in("base.epochs/base_002.safetensors"), F_OK), 0);
    assert_int_equal(access(in("base.epochs/base_003.safetensors"), F_OK), -1);
    assert_same_file(in("base.epochs/base_004.safetensors"), in("base.safetensors"));

    train(&run, in("tuned.safetensors"),
          MORE("--init", in("base.safetensors"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run); /* a rate of 0 leaves what it started from */
    const struct px_tensor *from = first_weight(&a, in("base.safetensors"));
    const struct px_tensor *to = first_weight(&b, in("tuned.safetensors"));
    assert_memory_equal(from->data, to->data, from->bytes);
    train(&run, in("other.safetensors"), MORE("--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_memory_not_equal(from->data, first_weight(&c, in("other.safetensors"))->data,
                            from->bytes);
    px_checkpoint_close(a);
    px_checkpoint_close(b);
    px_checkpoint_close(c);

    struct px_error err = {0}; /* the same from PyTorch's file */
    assert_int_equal(px_checkpoint_open(&a, in("base.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_save_pth(in("base.pth"), a, PX_F32, &err), 0);
    train(&run, in("torch.safetensors"),
          MORE("--init", in("base.pth"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run);
    from = px_checkpoint_tensor(a, 0, PX_ROLE_WEIGHT);
    assert_memory_equal(from->data, first_weight(&b, in("torch.safetensors"))->data, from->bytes);
    px_checkpoint_close(a);
    px_checkpoint_close(b);
    train(&run, in("wrong.safetensors"), MORE("--init", in("base.pth"), "--norm", "instance"), 0);
    assert_one_line(&run, 2, "base.pth: holds another network than the options describe");
    assert_non_null(strstr(run.err, "--norm batch"));
    train(&run, in("wrong.safetensors"), MORE("--init", in("data/val/000.png")), 0);
    assert_one_line(&run, 1, "000.png: ");

    train(&run, in("wrong.safetensors"), MORE("--init", in("base.safetensors"), "--ngf", "8"), 0);
    assert_one_line(&run, 2, "give --netG unet_32 --ngf 4 ");
    train(&run, in("wrong.safetensors"), MORE("--init", in("nowhere.safetensors")), 0);
    assert_one_line(&run, 1, "nowhere.safetensors");
}

/* A discriminator moves to PyTorch's format and back into a training. */
static void test_init_D(void **state)
{
    struct run run;
    struct px_discriminator *before, *after;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_discriminator_open(&before, in("base.state"), NULL, &err), 0);
    assert_int_equal(px_discriminator_save_pth(in("D.pth"), before, PX_DTYPE_AUTO, &err), 0);
    train(&run, in("both.safetensors"),
          MORE("--init", in("base.pth"), "--init-D", in("D.pth"), "--lr", "0", "--seed", "5"), 0);
    assert_done(&run); /* a rate of 0 changes statistics, but no weights */
    assert_int_equal(px_discriminator_open(&after, in("both.state"), NULL, &err), 0);
    const struct px_tensor_list *want = px_discriminator_list(before);
    const struct px_tensor_list *got = px_discriminator_list(after);
    assert_int_equal(got->count, want->count);
    size_t compared = 0;
    for (size_t i = 0; i < want->count; i++) {
        assert_string_equal(got->tensors[i].name, want->tensors[i].name);
        if (want->tensors[i].ndim != 4)
            continue;
        assert_memory_equal(got->tensors[i].data, want->tensors[i].data, want->tensors[i].bytes);
        compared++;
    }
    assert_true(compared >= 3);
    px_discriminator_close(before);
    px_discriminator_close(after);
    train(&run, in("wrong.safetensors"), MORE("--init-D", in("D.pth"), "--ndf", "5"), 0);
    assert_one_line(&run, 2, "holds another discriminator than the options describe");
    train(&run, in("wrong.safetensors"),
          MORE("--init-D", in("D.pth"), "--netD", "n_layers", "--n-layers-D", "1"), 0);
    assert_one_line(&run, 2, "holds another discriminator than the options describe");
    train(&run, in("wrong.safetensors"), MORE("--init-D", in("base.safetensors")), 0);
    assert_one_line(&run, 1, "holds no known discriminator");
}

static void expect_card(const char *path, const char *expected)
{
    struct px_checkpoint *checkpoint;
    struct px_card *card;
    struct px_error err = {0};

    assert_int_equal(px_checkpoint_open(&checkpoint, path, &err), 0);
    assert_int_equal(px_card_create(&card, &err), 0);
    assert_int_equal(px_card_add_model(card, checkpoint, path, &err), 0);
    char *text = px_card_json(card);
    assert_string_equal(text, expected);
    free(text);
    px_card_destroy(card);
    px_checkpoint_close(checkpoint);
}

static void save_text(const char *path, const char *text)
{
    assert_int_equal(px_file_save(path, text, strlen(text), NULL), 0);
}

static void test_card(void **state)
{
    static const char meta[] = "{\"title\": \"a\", \"line_width\": 3, \"author\": 1}";
    struct run run;
    (void)state;

    save_text(in("meta.json"), meta);
    train(&run, in("card.safetensors"),
          MORE("--meta", in("meta.json"), "--title", "b", "--input-kind", "lines"), 0);
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.err, "meta.json: the key 'author' is not known and ignored\n"));
    expect_card(in("card.safetensors"), "{\"title\":\"b\",\"input\":\"lines\",\"line_width\":3}");

    save_text(in("card.json"), "{\"description\": \"d\", \"line_width\": null}");
    train(&run, in("again.safetensors"),
          MORE("--init", in("card.safetensors"), "--title", "c", "--n-epochs", "0"), 0);
    assert_done(&run); /* what is beside the file counts, too */
    expect_card(in("again.safetensors"),
                "{\"title\":\"c\",\"description\":\"d\",\"input\":\"lines\"}");

    train(&run, in("again.safetensors"),
          MORE("--continue-train", "--input-kind", "labels", "--n-epochs", "0"), 0);
    assert_done(&run); /* the state knows the rest */
    expect_card(in("again.safetensors"),
                "{\"title\":\"c\",\"description\":\"d\",\"input\":\"labels\"}");

    train(&run, in("wrong.safetensors"), MORE("--title", "a\nb"), 0);
    assert_one_line(&run, 2, "--title: 'a?b' has line breaks");
    save_text(in("meta.json"), "{\"input\": \"sketch\"}");
    train(&run, in("wrong.safetensors"), MORE("--meta", in("meta.json")), 0);
    assert_one_line(&run, 1, "meta.json: input: 'sketch' is not known");
    assert_int_equal(access(in("wrong.state"), F_OK), -1);
}

/* int8 weights are worth what they stand for. */
static void test_init_int8(void **state)
{
    struct run run;
    struct px_checkpoint *plain, *int8, *tuned;
    struct px_int8_choice choice = {.others = PX_F32};
    struct px_error err = {0};
    float scales[64], want[8 * 4 * 16];
    (void)state;

    for (int i = 0; i < 64; i++)
        scales[i] = 0.01f * (float)(1 + i % 3);
    choice.input_scales[1] = scales; /* 4 to 8 channels */
    train(&run, in("plain.safetensors"), MORE("--lr", "0", "--n-epochs", "0"), 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&plain, in("plain.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_quantise(&int8, plain, &choice, &err), 0);
    assert_int_equal(
        px_checkpoint_store(in("int8.safetensors"), int8, NULL, 0, PX_DTYPE_AUTO, &err), 0);
    train(&run, in("tuned8.safetensors"),
          MORE("--init", in("int8.safetensors"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&tuned, in("tuned8.safetensors"), &err), 0);
    const struct px_tensor *got = px_checkpoint_tensor(tuned, 1, PX_ROLE_WEIGHT);
    assert_int_equal(got->bytes, sizeof want);
    px_checkpoint_weights(int8, 1, want);
    assert_memory_equal(got->data, want, sizeof want);
    px_checkpoint_close(int8);
    px_checkpoint_close(plain);
    px_checkpoint_close(tuned);
}

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

static void save_noise(const char *name, uint32_t width, uint32_t height)
{
    struct px_image image = {0};
    struct px_error err = {0};

    assert_int_equal(px_image_init(&image, width, height, 3, &err), 0);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        image.data[i] = (uint8_t)(i * i % 251);
    assert_int_equal(px_image_save(in(name), &image, 90, &err), 0);
    px_image_clear(&image);
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
        CHECK("--version and --help answer", test_says),
        CHECK("L1 falls, and the checkpoint and the pictures are there", test_learns),
        CHECK("the generator with the lowest validation L1 is kept", test_best),
        CHECK("a dry run tells what is needed and writes nothing", test_dry_run),
        CHECK("the parts of the profile make up the whole", test_profile),
        CHECK("a training starts from a checkpoint of the same network", test_init),
        CHECK("starts from a discriminator of PyTorch, too", test_init_D),
        CHECK("or from an int8 one", test_init_int8),
        CHECK("title and other things for people are stored, kept and inherited", test_card),
        CHECK("bf16 learns, resumes to the same bytes, and goes on only in bf16", test_bf16),
        CHECK("batches, directions and grey inputs train", test_batches),
        CHECK("the last, smaller batch of an epoch is trained, and resumes", test_last_batch),
        CHECK("the paper's ablations train and are continued", test_ablations),
        CHECK("norms, discriminators and initial weights can be chosen", test_networks),
        CHECK("a ResNet trains and is continued to the same bytes", test_resnet),
        CHECK("pairs of many sizes train, each at its own", test_sizes),
        CHECK("what cannot be trained is refused in one line", test_refuses),
        CHECK("pairs that do not fit are named before the first step", test_bad_pairs),
        CHECK("a corrupt picture is named before the first step", test_corrupt),
        CHECK("a data set that is not clearly pairs is refused", test_not_pairs),
        CHECK("what a training writes beside its pairs is not trained on", test_beside_data),
    };
    return run_program_tests(tests, sizeof tests / sizeof *tests);
}
