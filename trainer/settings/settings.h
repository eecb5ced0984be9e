#ifndef TRAINER_SETTINGS_SETTINGS_H
#define TRAINER_SETTINGS_SETTINGS_H

/* The options of pix2pix-train: names and meaning as in pytorch-CycleGAN-and-pix2pix. Plain data,
 * filled by px_options_parse() from px_train_settings_table. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/options.h"
#include "model/formats/safetensors.h"
#include "model/network/dtype.h"
#include "model/network/network.h"
#include "trainer/data/preprocess.h"

struct px_train_settings {
    const char *data, *out, *init;
    int64_t n_epochs, n_epochs_decay, batch_size, accumulate, max_dataset_size;
    int64_t epoch_count, lr_decay_iters;
    int64_t ngf, ndf, n_layers_D, input_nc, output_nc, load_size, crop_size;
    int64_t threads, save_latest_freq, print_freq, num_val, num_threads;
    int64_t save_epoch_freq;
    double lr, beta1, lambda_L1, lambda_GAN, init_gain;
    uint64_t seed;
    int netG, netD, direction;                /* indices into the rows' choices */
    int norm, gan_mode, init_type, lr_policy; /* px_norm, px_gan_mode, px_init_type, px_lr_policy */
    int preprocess;                           /* px_preprocess_mode */
    int dtype;                                /* index into the row's choices */
    bool dry_run, profile;
    bool serial_batches, no_flip, no_dropout, no_conditional_D, continue_train;
};

extern const struct px_option_table px_train_settings_table;
extern const struct px_option_foreign
    px_train_settings_foreign[]; /* the reference's other options */

/* What a single row cannot check: needed options, contradictions. USAGE. */
int px_train_settings_check(const struct px_train_settings *settings, struct px_error *err);

/* The generator that checked settings describe. */
int px_train_settings_network(const struct px_train_settings *settings, struct px_network *network,
                              struct px_error *err);

/* The discriminator: 1 to 6, or 0 for pixel (trainer/nn/patchgan.h). */
int px_train_settings_n_layers_D(const struct px_train_settings *settings);

/* PX_F32 or PX_BF16; auto is decided for the CPU that this runs on. */
enum px_dtype px_train_settings_dtype(const struct px_train_settings *settings);

/* The least side of pictures that it takes; 1 without a discriminator. */
int px_train_settings_least_D(const struct px_train_settings *settings);

/* Pictures a step: --batch-size times --accumulate. */
int64_t px_train_settings_pictures(const struct px_train_settings *settings);

bool px_train_settings_b_to_a(const struct px_train_settings *settings);

/* How pictures become what is trained on, by a network made from the same settings. */
void px_train_settings_preprocess(const struct px_train_settings *settings,
                                  const struct px_network *network,
                                  struct px_preprocess *preprocess);

/* The settings that decide what the weights become, as text: keys are the options' names with
 * underscores. Those that do not (paths, threads, how often to print or save, whether it is a
 * resumed run) are left out, and so are options that came later than the
 * first trainings where they have their default, so that those can be continued. The first
 * `network_count` entries are those of the network, which a checkpoint states in its own words. The
 * text lives as long as the struct; do not copy it. */
enum { PX_SETTINGS_MAX = 64 };

struct px_train_settings_text {
    struct px_metadata entries[PX_SETTINGS_MAX];
    size_t network_count, count;
    char keys[PX_SETTINGS_MAX][32], values[PX_SETTINGS_MAX][32];
};

/* The row-th option as text, for people: false behind the last one. */
struct px_train_settings_row {
    const char *name; /* "lambda-L1" */
    char value[4096];
    bool is_default;
};

bool px_train_settings_row(const struct px_train_settings *settings, size_t row,
                           struct px_train_settings_row *text);

void px_train_settings_describe(const struct px_train_settings *settings,
                                struct px_train_settings_text *text);

#endif
