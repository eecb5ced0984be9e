#include "tests/check.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/data/augment.h"
#include "trainer/report/progress.h"
#include "trainer/save/output.h"
#include "trainer/settings/schedule.h"
#include "trainer/settings/settings.h"

static void assert_near(double a, double b)
{
    assert_true(a - b < 1e-12 && b - a < 1e-12);
}

static void test_schedule(void **state)
{
    struct px_schedule s = {.lr = 0.0002, .n_epochs = 100, .n_epochs_decay = 100};
    (void)state;

    assert_near(px_schedule_lr(&s, 1), 0.0002);
    assert_near(px_schedule_lr(&s, 99), 0.0002);
    assert_near(px_schedule_lr(&s, 100), 0.0002 * (1 - 1.0 / 101)); /* the reference is early */
    assert_near(px_schedule_lr(&s, 150), 0.0002 * (1 - 51.0 / 101));
    assert_near(px_schedule_lr(&s, 200), 0);
    s.n_epochs_decay = 0;
    assert_near(px_schedule_lr(&s, 100), 0);
}

/* The numbers of these are those of torch.optim.lr_scheduler. */
static void test_other_schedules(void **state)
{
    struct px_schedule step = {PX_LR_STEP, .lr = 0.0002, .decay_epochs = 3};
    struct px_schedule cosine = {PX_LR_COSINE, .lr = 0.0002, .n_epochs = 10};
    (void)state;

    assert_near(px_schedule_lr(&step, 1), 0.0002);
    assert_near(px_schedule_lr(&step, 2), 0.0002);
    assert_near(px_schedule_lr(&step, 3), 0.00002);
    assert_near(px_schedule_lr(&step, 5), 0.00002);
    assert_near(px_schedule_lr(&step, 15), 0.0002e-5);
    assert_true(fabs(px_schedule_lr(&cosine, 1) - 0.000195106) < 1e-9);
    assert_true(fabs(px_schedule_lr(&cosine, 5) - 0.0001) < 1e-9);
    assert_true(fabs(px_schedule_lr(&cosine, 8) - 1.90983e-05) < 1e-9);
    assert_near(px_schedule_lr(&cosine, 10), 0);
    assert_true(fabs(px_schedule_lr(&cosine, 13) - 4.12215e-05) < 1e-9);
}

static void test_plateau(void **state)
{
    /* 3.961 is not 1 % below 4; .38 is below .395, .377 not below .38 */
    static const double metrics[] = {.5,  .4,  .397, .3961, .395, .41, .5,  .396, .399, .38, .377,
                                     .38, .38, .38,  .38,   .38,  .38, .38, .39,  .39,  .39, .39};
    struct px_schedule s = {PX_LR_PLATEAU, .lr = 0.0002}, back;
    struct px_error err = {0};
    char text[40], again[40];
    (void)state;

    for (int i = 0; i < 22; i++) {
        px_schedule_observe(&s, metrics[i]);
        assert_near(px_schedule_lr(&s, i + 2), i < 15 ? 0.0002 : i < 21 ? 0.00004 : 0.000008);
        /* Saved and continued at any place it goes on the same. */
        px_schedule_write(&s, text, sizeof text);
        back = (struct px_schedule){PX_LR_PLATEAU, .lr = 0.0002};
        assert_int_equal(px_schedule_read(&back, text, &err), 0);
        px_schedule_write(&back, again, sizeof again);
        assert_string_equal(text, again);
        s = back;
    }
    for (int i = 0; i < 100; i++)
        px_schedule_observe(&s, 1);
    assert_true(fabs(px_schedule_lr(&s, 200) / 2.56e-9 - 1) <
                1e-9); /* the least that torch goes to */
    assert_int_equal(px_schedule_read(&s, "1 2", &err), -PX_E_FORMAT);
    assert_int_equal(px_schedule_read(&s, "1 2 -3 4", &err), -PX_E_FORMAT);
    assert_int_equal(px_schedule_read(&s, "1 2 3 nan", &err), -PX_E_FORMAT);
}

static void test_draw(void **state)
{
    bool seen[31] = {false};
    int flips = 0;
    const struct px_augment_slack room = {30, 30, true}, unflip = {30, 30, false};
    (void)state;

    for (uint64_t i = 0; i < 2000; i++) {
        struct px_augment a = px_augment_draw(7, i, &room);
        struct px_augment again = px_augment_draw(7, i, &room);
        assert_true(a.x == again.x && a.y == again.y && a.flip == again.flip);
        assert_true(a.x <= 30 && a.y <= 30);
        seen[a.x] = true;
        flips += a.flip;
        struct px_augment unflipped = px_augment_draw(7, i, &unflip);
        assert_true(!unflipped.flip && unflipped.x == a.x && unflipped.y == a.y);
    }
    for (int i = 0; i <= 30; i++)
        assert_true(seen[i]);
    assert_in_range(flips, 880, 1120); /* 1000 +- 5 sigma */
}

static void test_apply(void **state)
{
    uint8_t pixels[4 * 3 * 2];
    struct px_picture image = {4, 3, 2, pixels, NULL};
    struct px_augment augment = {1, 1, false};
    float out[2 * 2 * 2];
    (void)state;

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 10);
    px_augment_apply(&augment, &image, 2, 2, out);
    for (int c = 0; c < 2; c++) {
        assert_near((double)out[c], (double)((float)(100 + 10 * c) / 127.5f - 1.0f));
        assert_near((double)out[2 + c], (double)((float)(120 + 10 * c) / 127.5f - 1.0f));
        assert_near((double)out[4 + c], (double)((float)(180 + 10 * c) / 127.5f - 1.0f));
    }
    float flipped[2 * 2 * 2];
    augment.flip = true;
    px_augment_apply(&augment, &image, 2, 2, flipped);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 2; x++)
            for (int c = 0; c < 2; c++)
                assert_near((double)flipped[(y * 2 + x) * 2 + c],
                            (double)out[(y * 2 + 1 - x) * 2 + c]);
}

static void test_order(void **state)
{
    enum { N = 50 };
    uint32_t first[N], again[N], second[N];
    bool seen[N] = {false};
    (void)state;

    px_augment_order(1, 0, first, N);
    px_augment_order(1, 0, again, N);
    px_augment_order(1, 1, second, N);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    for (int i = 0; i < N; i++) {
        assert_true(first[i] < N && !seen[first[i]]);
        seen[first[i]] = true;
    }
}

static int parse(struct px_train_settings *settings, int argc, const char *const *argv,
                 struct px_error *err)
{
    struct px_options options = {0};
    char *copy[24] = {0};

    assert_true(argc < 24);
    for (int i = 0; i < argc; i++)
        copy[i] = (char *)(uintptr_t)argv[i];
    memset(settings, 0, sizeof *settings);
    int rc = px_options_parse(&px_train_settings_table, settings, NULL, argc, copy, &options, err);
    if (!rc) {
        rc = px_train_settings_check(settings, err);
        px_options_clear(&options);
    }
    return rc;
}

#define PARSE(settings, err, ...)                                                                  \
    parse(settings, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                 \
          (const char *[]){__VA_ARGS__}, err)

static void test_defaults(void **state)
{
    struct px_train_settings s;
    struct px_error err = {0};
    struct px_network network;
    (void)state;

    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors"), 0);
    assert_int_equal(s.n_epochs, 100);
    assert_int_equal(s.n_epochs_decay, 100);
    assert_int_equal(s.load_size, 286);
    assert_near(s.lr, 0.0002);
    assert_near(s.beta1, 0.5);
    assert_near(s.lambda_L1, 100);
    assert_near(s.lambda_GAN, 1);
    assert_int_equal(s.gan_mode, PX_GAN_VANILLA);
    assert_false(s.no_conditional_D);
    assert_int_equal(px_train_settings_network(&s, &network, &err), 0);
    assert_string_equal(network.architecture, "unet_256");
    assert_string_equal(network.direction, "AtoB");
    assert_true(network.ngf == 64 && network.dropout);
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--netG",
                           "unet_128", "--direction=BtoA", "--no_dropout"),
                     0);
    assert_int_equal(px_train_settings_network(&s, &network, &err), 0);
    assert_string_equal(network.architecture, "unet_128");
    assert_string_equal(network.direction, "BtoA");
    assert_false(network.dropout);
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--netG",
                           "encoder_decoder", "--gan-mode", "wgangp"),
                     0);
    assert_int_equal(px_train_settings_network(&s, &network, &err), 0);
    assert_string_equal(network.architecture, "encoder_decoder_256");
    assert_int_equal(s.gan_mode, PX_GAN_WGANGP);
    assert_int_equal(px_train_settings_n_layers_D(&s), 3);
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--norm",
                           "instance", "--netD", "n_layers", "--n_layers_D", "5", "--init_type",
                           "orthogonal", "--init-gain=1"),
                     0);
    assert_int_equal(px_train_settings_network(&s, &network, &err), 0);
    assert_int_equal(network.norm, PX_NORM_INSTANCE);
    assert_int_equal(px_train_settings_n_layers_D(&s), 5);
    assert_int_equal(s.init_type, PX_INIT_ORTHOGONAL);
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--netD=pixel"),
                     0);
    assert_int_equal(px_train_settings_n_layers_D(&s), 0);
}

static void test_refusals(void **state)
{
    struct px_train_settings s;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(PARSE(&s, &err, "t", "--out", "m.safetensors"), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "--data"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.pth"), -PX_E_USAGE);
    assert_non_null(strstr(err.message, "m.pth"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", ".safetensors"), -PX_E_USAGE);
    assert_int_equal(
        PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--load-size", "255"),
        -PX_E_USAGE);
    assert_non_null(strstr(err.message, "--load-size 255"));
    assert_int_equal(
        PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--crop-size", "250"),
        -PX_E_USAGE);
    assert_non_null(strstr(err.message, "a multiple of 256"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--n-epochs",
                           "0", "--n-epochs-decay", "0"),
                     -PX_E_USAGE);
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--lr", "-1"),
                     -PX_E_USAGE);
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--lambda-GAN",
                           "0", "--lambda-L1", "0"),
                     -PX_E_USAGE);
    assert_non_null(strstr(err.message, "--lambda-L1"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--lambda-GAN",
                           "0", "--gan-mode", "lsgan"),
                     -PX_E_USAGE);
    assert_non_null(strstr(err.message, "--gan-mode"));
    assert_int_equal(
        PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--n-layers-D", "5"),
        -PX_E_USAGE);
    assert_non_null(strstr(err.message, "--netD n_layers"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--netG",
                           "unet_32", "--crop-size", "64", "--netD", "n_layers", "--n-layers-D",
                           "5"),
                     -PX_E_USAGE);
    assert_non_null(strstr(err.message, "96 at least"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--netG",
                           "resnet_9blocks", "--crop-size", "4"),
                     -PX_E_USAGE);
    assert_non_null(strstr(err.message, "a multiple of 4, 8 at least"));
    assert_int_equal(
        PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--epoch-count", "201"),
        -PX_E_USAGE);
    assert_non_null(strstr(err.message, "--epoch-count 201"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--lr-policy",
                           "cosine", "--n-epochs", "0"),
                     -PX_E_USAGE);
    assert_int_equal(
        PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--lr-decay-iters", "7"),
        -PX_E_USAGE);
    assert_non_null(strstr(err.message, "--lr-policy step"));
}

static const char *value_of(const struct px_train_settings_text *text, const char *key)
{
    for (size_t i = 0; i < text->count; i++)
        if (strcmp(text->entries[i].key, key) == 0)
            return text->entries[i].value;
    return NULL;
}

/* All options of the reference's train.py: those that are not here say what to do instead, with
 * options that are. */
static void test_foreign(void **state)
{
    static const char *const names[] = {"dataroot",
                                        "name",
                                        "gpu_ids",
                                        "checkpoints_dir",
                                        "model",
                                        "input_nc",
                                        "output_nc",
                                        "ngf",
                                        "ndf",
                                        "netD",
                                        "netG",
                                        "n_layers_D",
                                        "norm",
                                        "init_type",
                                        "init_gain",
                                        "no_dropout",
                                        "dataset_mode",
                                        "direction",
                                        "serial_batches",
                                        "num_threads",
                                        "batch_size",
                                        "load_size",
                                        "crop_size",
                                        "max_dataset_size",
                                        "preprocess",
                                        "no_flip",
                                        "display_winsize",
                                        "epoch",
                                        "load_iter",
                                        "verbose",
                                        "suffix",
                                        "use_wandb",
                                        "wandb_project_name",
                                        "display_freq",
                                        "display_ncols",
                                        "display_id",
                                        "display_server",
                                        "display_env",
                                        "display_port",
                                        "update_html_freq",
                                        "print_freq",
                                        "no_html",
                                        "save_latest_freq",
                                        "save_epoch_freq",
                                        "save_by_iter",
                                        "continue_train",
                                        "epoch_count",
                                        "phase",
                                        "n_epochs",
                                        "n_epochs_decay",
                                        "beta1",
                                        "lr",
                                        "gan_mode",
                                        "pool_size",
                                        "lr_policy",
                                        "lr_decay_iters",
                                        "lambda_L1"};
    struct px_train_settings s;
    struct px_error err = {0};
    size_t here = 0;
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char option[64], told[80];
        snprintf(option, sizeof option, "--%s", names[i]);
        err.message[0] = 0;
        PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", option);
        assert_null(strstr(err.message, "unknown option"));
        snprintf(told, sizeof told, "%s: ", option);
        here += strncmp(err.message, told, strlen(told)) != 0;
    }
    assert_int_equal(here, 33);
    for (const struct px_option_foreign *f = px_train_settings_foreign; f->names; f++)
        for (const char *at = f->instead; (at = strstr(at, "--")) != NULL; at += 2) {
            bool known = strncmp(at, "--help", 6) == 0;
            for (size_t r = 0; r < px_train_settings_table.count; r++) {
                size_t n = strlen(px_train_settings_table.rows[r].name);
                known |= strncmp(at + 2, px_train_settings_table.rows[r].name, n) == 0 &&
                         !isalnum((unsigned char)at[2 + n]) && at[2 + n] != '-';
            }
            if (!known)
                fail_msg("no option %s", at);
        }
    PARSE(&s, &err, "t", "--dataroot", "d");
    assert_string_equal(err.message, "--dataroot: use --data DIR");
    assert_int_equal(
        PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--max_dataset_size", "inf"),
        0);
    assert_int_equal(s.max_dataset_size, 0);
}

static void test_describe(void **state)
{
    struct px_train_settings s;
    struct px_train_settings_text text;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--lr", "0.0003",
                           "--seed", "18446744073709551615", "--no-flip"),
                     0);
    px_train_settings_describe(&s, &text);
    assert_string_equal(value_of(&text, "lr"), "0.0003");
    assert_string_equal(value_of(&text, "seed"), "18446744073709551615");
    assert_string_equal(value_of(&text, "no_flip"), "true");
    assert_string_equal(value_of(&text, "netG"), "unet_256");
    assert_string_equal(value_of(&text, "lambda_L1"), "100");
    assert_null(value_of(&text, "data"));
    assert_null(value_of(&text, "out"));
    assert_null(value_of(&text, "continue_train"));
    assert_null(value_of(&text, "threads"));
    assert_null(value_of(&text, "gan_mode")); /* came later, has its default */
    assert_null(value_of(&text, "lambda_GAN"));
    assert_null(value_of(&text, "no_conditional_D"));
    assert_int_equal(text.network_count, 7);
    assert_string_equal(text.entries[text.network_count].key, "load_size");
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--gan-mode",
                           "lsgan", "--lambda-GAN", "0.5", "--no-conditional-D"),
                     0);
    px_train_settings_describe(&s, &text);
    assert_string_equal(value_of(&text, "gan_mode"), "lsgan");
    assert_string_equal(value_of(&text, "lambda_GAN"), "0.5");
    assert_string_equal(value_of(&text, "no_conditional_D"), "true");
}

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

    px_progress_start(&p);
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
        CHECK("the learning rate falls as the reference's linear policy does", test_schedule),
        CHECK("step and cosine give torch's rates", test_other_schedules),
        CHECK("plateau gives torch's rates, also when saved in between", test_plateau),
        CHECK("crops reach both ends, half are mirrored, and a sample always draws the same",
              test_draw),
        CHECK("a crop is cut, mirrored and scaled to [-1, 1]", test_apply),
        CHECK("an epoch's order is a permutation that depends on seed and epoch", test_order),
        CHECK("options default to the reference's and describe its networks", test_defaults),
        CHECK("missing and contradicting options are refused by name", test_refusals),
        CHECK("every option of the reference is here, or says what to do instead", test_foreign),
        CHECK("settings are told as text, without what does not change the weights", test_describe),
        CHECK("without a terminal progress is plain lines at the asked distance", test_plain),
        CHECK("on a terminal progress is one line, wiped before other text", test_bar),
        CHECK("durations read as a person says them", test_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
