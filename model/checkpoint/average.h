#ifndef MODEL_CHECKPOINT_AVERAGE_H
#define MODEL_CHECKPOINT_AVERAGE_H

/* The mean of the weights of several checkpoints of one training. A generator that plays against a
 * discriminator wanders around its optimum; the mean of where it has been lies closer, and shows
 * less of the grain of stride-2 layers (Yazici et al. 2018, The Unusual Effectiveness of Averaging
 * in GAN Training; Izmailov et al. 2018 for networks in general). It makes sense only for
 * checkpoints that lie close together, such as the last epochs of one training. */

#include "model/checkpoint/checkpoint.h"

/* Writes the mean of `count` >= 1 checkpoints, none of them int8 (px_checkpoint_dequantise()), as
 * f32. Metadata, and tensors that are not floating-point, are the last one's. Running statistics
 * are averaged, too. INVALID if they are not the same network: the message begins with the name, of
 * `names`, of the first that differs from the last. NOMEM; failures of writing as
 * px_checkpoint_save(). One thread at a time. */
int px_average_save(const char *path, const struct px_checkpoint *const *checkpoints,
                    const char *const *names, size_t count, struct px_error *err);

#endif
