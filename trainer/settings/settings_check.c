#include "trainer/settings/settings.h"

#include <inttypes.h>
#include <string.h>

#include "trainer/nn/patchgan.h"
#include "trainer/settings/schedule.h"

/* An option of the discriminator that is not at its default, or NULL. */
static const char *given_for_D(const struct px_train_settings *s)
{
    return s->gan_mode           ? "--gan-mode"
           : s->no_conditional_D ? "--no-conditional-D"
           : s->netD             ? "--netD"
                                 : NULL;
}

static int check_D(const struct px_train_settings *s, struct px_error *err)
{
    int n = px_train_settings_n_layers_D(s);

    if (s->netD != 1 && s->n_layers_D != 3)
        return px_fail(err, PX_E_USAGE, "--n-layers-D %" PRId64 " needs --netD n_layers",
                       s->n_layers_D);
    if (s->crop_size < px_train_settings_least_D(s))
        return px_fail(err, PX_E_USAGE,
                       "--crop-size %" PRId64 " is too small for a discriminator of %d layers: it "
                       "must be at least %d",
                       s->crop_size, n, px_train_settings_least_D(s));
    return 0;
}

/* Losses that contradict each other. */
static int check_losses(const struct px_train_settings *s, struct px_error *err)
{
    if (s->lambda_GAN > 0)
        return 0;
    if (s->lambda_L1 == 0)
        return px_fail(err, PX_E_USAGE,
                       "--lambda-GAN and --lambda-L1 are both 0: nothing to learn from");
    if (given_for_D(s))
        return px_fail(err, PX_E_USAGE,
                       "%s does not go with --lambda-GAN 0: without a GAN loss there is no "
                       "discriminator",
                       given_for_D(s));
    return 0;
}

static int check_schedule(const struct px_train_settings *s, struct px_error *err)
{
    if (s->n_epochs + s->n_epochs_decay == 0)
        return px_fail(err, PX_E_USAGE,
                       "--n-epochs and --n-epochs-decay are both 0: nothing to train");
    if (s->epoch_count > s->n_epochs + s->n_epochs_decay)
        return px_fail(err, PX_E_USAGE,
                       "--epoch-count %" PRId64 " is beyond the last epoch, %" PRId64
                       " (--n-epochs + --n-epochs-decay)",
                       s->epoch_count, s->n_epochs + s->n_epochs_decay);
    if (s->lr_policy == PX_LR_COSINE && s->n_epochs == 0)
        return px_fail(err, PX_E_USAGE, "--lr-policy cosine needs at least --n-epochs 1");
    if (s->lr_policy != PX_LR_STEP && s->lr_decay_iters != 50)
        return px_fail(err, PX_E_USAGE, "--lr-decay-iters %" PRId64 " needs --lr-policy step",
                       s->lr_decay_iters);
    return 0;
}

/* The size of pictures that the generator takes. */
static int check_crop(const struct px_train_settings *s, struct px_error *err)
{
    struct px_train_settings any = *s;
    struct px_network network;

    any.crop_size = 0; /* the network's own */
    int rc = px_train_settings_network(&any, &network, err);
    if (rc)
        return rc;
    int multiple = px_network_multiple(&network), least = px_network_min_side(&network);
    if (s->crop_size % multiple == 0 && s->crop_size >= least)
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "--crop-size %" PRId64 " does not suit --netG %s: give a multiple of %d, at "
                   "least %d",
                   s->crop_size, network.architecture, multiple, least);
}

static int check_sizes(const struct px_train_settings *s, struct px_error *err)
{
    bool crops_scaled =
        s->preprocess == PX_RESIZE_AND_CROP || s->preprocess == PX_SCALE_WIDTH_AND_CROP;

    if (!crops_scaled || s->load_size >= s->crop_size)
        return 0;
    return px_fail(err, PX_E_USAGE,
                   "--load-size %" PRId64 " is less than --crop-size %" PRId64
                   ": it must be at least as large",
                   s->load_size, s->crop_size);
}

int px_train_settings_check(const struct px_train_settings *s, struct px_error *err)
{
    static const char suffix[] = ".safetensors";
    size_t tail = sizeof suffix - 1;

    if (!s->data || !*s->data)
        return px_fail(err, PX_E_USAGE,
                       "--data DIR is needed: a folder of pictures with A and B side by side");
    if (!s->out || strlen(s->out) <= tail || strcmp(s->out + strlen(s->out) - tail, suffix) != 0)
        return px_fail(err, PX_E_USAGE, "--out NAME.safetensors is needed%s%s",
                       s->out ? ": the name given is " : "", s->out ? s->out : "");
    if (s->epoch > 0 && !s->continue_train)
        return px_fail(err, PX_E_USAGE,
                       "--epoch %" PRId64 " needs --continue-train; to start from the generator of "
                       "an epoch, use --init FILE",
                       s->epoch);
    if (s->keep_states > 0 && s->save_epoch_freq == 0)
        return px_fail(err, PX_E_USAGE,
                       "--keep-states %" PRId64 " needs --save-epoch-freq: no epoch is kept",
                       s->keep_states);
    int rc = check_crop(s, err);
    if (!rc)
        rc = check_sizes(s, err);
    if (!rc)
        rc = check_schedule(s, err);
    if (!rc)
        rc = check_D(s, err);
    return rc ? rc : check_losses(s, err);
}
