#ifndef MODEL_CHECKPOINT_DISCRIMINATOR_H
#define MODEL_CHECKPOINT_DISCRIMINATOR_H

/* The tensors of a discriminator (PatchGAN or PixelDiscriminator, models/networks.py of
 * pytorch-CycleGAN-and-pix2pix) in a file: latest_net_D.pth, the trainer's NAME.state ("D."), or a
 * dict that holds it beside a generator. Which discriminator it is does not matter here; its
 * tensors are only found, checked and written.
 *
 * Life cycle: open, close. Immutable; any number of threads may read. */

#include "base/error.h"
#include "model/network/dtype.h"
#include "model/network/tensor_list.h"

struct px_discriminator;

/* Opens a safetensors file or one of PyTorch. `key` names the dict of the discriminator ("netD");
 * if it is NULL, the file must hold exactly one. Failures: NOT_FOUND, IO, NOMEM, FORMAT if there is
 * no discriminator or a weight is NaN or infinite; the message begins with the path. */
int px_discriminator_open(struct px_discriminator **out, const char *path, const char *key,
                          struct px_error *err);
void px_discriminator_close(struct px_discriminator *discriminator); /* accepts NULL */

/* Its tensors under the names of the state_dict ("model.0.weight"). */
const struct px_tensor_list *px_discriminator_list(const struct px_discriminator *discriminator);

/* Write it as a safetensors file or as a state_dict for PyTorch. Convolution weights are stored as
 * `dtype`, PX_F32, PX_BF16 or (as they are) PX_DTYPE_AUTO. Failures: NOMEM; as
 * px_safetensors_save() and px_pth_save(); `path` is then unchanged. */
int px_discriminator_save(const char *path, const struct px_discriminator *discriminator,
                          enum px_dtype dtype, struct px_error *err);
int px_discriminator_save_pth(const char *path, const struct px_discriminator *discriminator,
                              enum px_dtype dtype, struct px_error *err);

#endif
