#ifndef TRAINER_SETTINGS_SETTINGS_H
#define TRAINER_SETTINGS_SETTINGS_H

/* The options of pix2pix-train: names and meaning as in pytorch-CycleGAN-and-pix2pix. Plain data,
 * filled by px_options_parse() from px_train_settings_table. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/options.h"
#include "model/checkpoint/card.h"
#include "model/network/dtype.h"
#include "model/network/network.h"
#include "trainer/data/preprocess.h"

struct px_train_settings {
    const char *data, *out, *init, *init_D;
    const char *title, *description, *meta, *tensorboard;
    int64_t n_epochs, n_epochs_decay, batch_size, accumulate, max_dataset_size;
    int64_t epoch_count, lr_decay_iters;
    int64_t ngf, ndf, n_layers_D, input_nc, output_nc, load_size, crop_size;
    int64_t threads, save_latest_freq, print_freq, num_val, num_threads;
    int64_t save_epoch_freq, keep_states, epoch, max_pixels, max_side;
    double lr, beta1, lambda_L1, lambda_GAN, init_gain;
    uint64_t seed;
    int netG, netD, direction;                /* indices into the rows' choices */
    int norm, gan_mode, init_type, lr_policy; /* px_norm, px_gan_mode, px_init_type, px_lr_policy */
    int preprocess;                           /* px_preprocess_mode */
    int dtype, pairs, input_kind;             /* indices into the rows' choices */
    bool dry_run, profile, skip_broken;
    bool serial_batches, no_flip, no_dropout, no_conditional_D, continue_train;
};

extern const struct px_option_table px_train_settings_table;
extern const struct px_option_foreign
    px_train_settings_foreign[]; /* the reference's other options */

/* What a single row cannot check: needed options, contradictions. USAGE. In
 * settings_check.c. */
int px_train_settings_check(const struct px_train_settings *settings, struct px_error *err);

/* The generator that checked settings describe. */
int px_train_settings_network(const struct px_train_settings *settings, struct px_network *network,
                              struct px_error *err);

/* Creates a card of what the options say about the model, for people (settings_card.c). USAGE if a
 * text breaks the rules of cards; failures of px_card_add_file(). */
int px_train_settings_card(const struct px_train_settings *settings, struct px_card **card,
                           struct px_error *err);

/* The discriminator: 1 to 6, or 0 for pixel (trainer/nn/patchgan.h). */
int px_train_settings_n_layers_D(const struct px_train_settings *settings);

/* PX_F32 or PX_BF16; auto is decided for the CPU that this runs on. */
enum px_dtype px_train_settings_dtype(const struct px_train_settings *settings);

/* f32 was chosen, or is the default, though this CPU is faster in bf16. */
bool px_train_settings_bf16_helps(const struct px_train_settings *settings);

/* The smallest side of pictures that the discriminator takes; 1 without one. */
int px_train_settings_least_D(const struct px_train_settings *settings);

/* Pictures a step: --batch-size times --accumulate. */
int64_t px_train_settings_pictures(const struct px_train_settings *settings);

/* Every file holds A and B side by side, whatever its shape. */
bool px_train_settings_halves(const struct px_train_settings *settings);

bool px_train_settings_b_to_a(const struct px_train_settings *settings);

/* How pictures become what is trained on, by a network made from the same settings. */
void px_train_settings_preprocess(const struct px_train_settings *settings,
                                  const struct px_network *network,
                                  struct px_preprocess *preprocess);

#endif
