#ifndef TRAINER_SAVE_FINETUNE_H
#define TRAINER_SAVE_FINETUNE_H

/* Starting from networks that were trained before (--init, --init-D). */

#include "base/error.h"
#include "model/checkpoint/card.h"
#include "model/network/network.h"
#include "trainer/nn/gan.h"

/* Copies the generator's weights, and its running statistics if the file has them, from a
 * checkpoint, .safetensors or PyTorch's; everything else (discriminator, moments, steps) stays as
 * it is. Fills `card` (px_card_fill()) from the checkpoint's. USAGE if the checkpoint holds another
 * network: architecture, ngf, channels or norm; crop size, direction and dropout may differ.
 * Failures of px_checkpoint_import(). */
int px_finetune_load(struct px_gan *gan, const struct px_network *network, const char *path,
                     struct px_card *card, struct px_error *err);

/* Copies the discriminator's weights and running statistics from a file that holds one
 * (model/checkpoint/discriminator.h); its moments stay as they were made. USAGE if it is not one as
 * the options describe; nothing is copied then. Failures of px_discriminator_open(). */
int px_finetune_load_D(struct px_gan *gan, const char *path, struct px_error *err);

#endif
