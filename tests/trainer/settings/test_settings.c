#include "tests/check.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "trainer/nn/init.h"
#include "trainer/nn/loss.h"
#include "trainer/settings/settings.h"
#include "trainer/settings/settings_text.h"

static void assert_near(double a, double b)
{
    assert_true(a - b < 1e-12 && b - a < 1e-12);
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
    assert_non_null(strstr(err.message, "at least 96"));
    assert_int_equal(PARSE(&s, &err, "t", "--data", "d", "--out", "m.safetensors", "--netG",
                           "resnet_9blocks", "--crop-size", "4"),
                     -PX_E_USAGE);
    assert_non_null(strstr(err.message, "a multiple of 4, at least 8"));
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
    assert_int_equal(here, 34);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("options default to the reference's and describe its networks", test_defaults),
        CHECK("missing and contradicting options are refused by name", test_refusals),
        CHECK("every option of the reference is here, or says what to do instead", test_foreign),
        CHECK("settings are told as text, without what does not change the weights", test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
