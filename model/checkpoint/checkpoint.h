#ifndef MODEL_CHECKPOINT_CHECKPOINT_H
#define MODEL_CHECKPOINT_CHECKPOINT_H

/* A generator with its weights, read from a file: the tensors of its state_dict and, in the
 * __metadata__ of a safetensors file, the strings that describe the network: architecture, ngf,
 * input_nc, output_nc, norm, dropout ("true" or "false"), direction, crop_size and test_norm
 * (batch or running: the statistics to normalise by unless the caller chooses), plus the trainer's
 * version and options (shown by `inspect`, not interpreted). Missing metadata is inferred from
 * names and shapes if possible; if both exist they must agree; anything else takes the reference's
 * default (AtoB, the architecture's crop size and, except for a ResNet, whose names show it,
 * dropout). Every tensor that the network needs must be present with its exact shape; running
 * statistics may be missing; surplus tensors are an error, except for the statistics that old
 * versions of PyTorch kept for InstanceNorm, which are ignored.
 *
 * Names may carry the `module.` of DataParallel and the `_orig_mod.` of torch.compile() at any
 * place. The state_dict may be part of a larger file: of nested dicts in a .pth, of names that
 * begin with `netG.` in any file. If one part is a generator, it is taken and the rest is left out.
 * Metadata that px_checkpoint_save() did not write is ignored as far as it makes no sense here,
 * with a note. A file with weights or statistics that are NaN, infinite or (variances) negative is
 * refused.
 *
 * A layer may be quantised (model/checkpoint/quantise.h): then its CONV.weight is I8, and it also
 * has CONV.weight_scale and CONV.input_scale, both F32, positive and finite. A checkpoint with at
 * least one such layer is "int8". PyTorch's files hold no such layers.
 *
 * Life cycle: open, import, peek or quantise makes one, px_checkpoint_close() frees it. Until the
 * first reader starts, the owner may change it with px_checkpoint_dequantise() and
 * px_checkpoint_set_training(); after that it is immutable and any number of threads may read.
 *
 * The functions are in checkpoint.c, checkpoint_save.c (save, store, save_pth) and
 * parts/checkpoint_int8.c (quantise, dequantise, weights). */

#include <stdbool.h>

#include "base/error.h"
#include "model/network/network.h"
#include "model/network/tensor_list.h"

struct px_checkpoint;

/* Opens a safetensors file. Failures: NOT_FOUND, IO, FORMAT, NOMEM; the message begins with the
 * path. */
int px_checkpoint_open(struct px_checkpoint **out, const char *path, struct px_error *err);
/* The same at once, however large the file: px_checkpoint_check_values(), which reads all of it,
 * is left to the caller. */
int px_checkpoint_open_unchecked(struct px_checkpoint **out, const char *path,
                                 struct px_error *err);
/* The same, but also takes PyTorch's files (model/formats/pth.h), recognised by their content. For
 * tools and --init; the daemon reads safetensors only. If the file holds several generators, `key`
 * names the dict of the one to take ("netG", "state_dict/netG"), else it is NULL. */
int px_checkpoint_import(struct px_checkpoint **out, const char *path, const char *key,
                         struct px_error *err);
/* The same for tensors of any network. Only px_checkpoint_list() and px_checkpoint_close() may be
 * called on the result. */
int px_checkpoint_peek(struct px_checkpoint **out, const char *path, struct px_error *err);
void px_checkpoint_close(struct px_checkpoint *checkpoint); /* accepts NULL */

const struct px_network *px_checkpoint_network(const struct px_checkpoint *checkpoint);

/* The tensors that are taken from the file, under the names of the state_dict, and all metadata. */
const struct px_tensor_list *px_checkpoint_list(const struct px_checkpoint *checkpoint);

/* What a user should know about the file: what was left out of it or ignored. One line; "" if
 * nothing. */
const char *px_checkpoint_notes(const struct px_checkpoint *checkpoint);

/* PX_S8 if any layer is quantised, else the type in which the first layer's weights are stored:
 * PX_F32, PX_BF16, ... */
enum px_dtype px_checkpoint_dtype(const struct px_checkpoint *checkpoint);

/* Whether all running means and variances of the network are present; true without batch norm. */
bool px_checkpoint_has_running(const struct px_checkpoint *checkpoint);

/* The statistics to normalise by unless the caller chooses: what the file says, else
 * PX_TEST_BATCH. */
enum px_norm_mode px_checkpoint_test_norm(const struct px_checkpoint *checkpoint);

/* Sets what the tensors do not show: the training size in pixels (0 keeps it) and the direction,
 * "AtoB" or "BtoA" (NULL keeps it). INVALID as px_network_make(); then nothing has changed. */
int px_checkpoint_set_training(struct px_checkpoint *checkpoint, int crop_size,
                               const char *direction, struct px_error *err);

/* IO if the mapped file was modified since it was opened; do not read its tensors then. */
int px_checkpoint_check_file(const struct px_checkpoint *checkpoint, struct px_error *err);

/* FORMAT: a weight is NaN or infinite; IO: the file was modified. Any thread. */
int px_checkpoint_check_values(const struct px_checkpoint *checkpoint, struct px_error *err);

/* Returns the pages of the mapped file that were read so far to the system; reading them again
 * brings them back. */
void px_checkpoint_forget(const struct px_checkpoint *checkpoint);

/* The tensor of a layer (below layer_count) in a role, or NULL if the network or the file has none.
 * Of a floating-point type, i64 for BATCHES, possibly int8 for WEIGHT, f32 for the scales, which
 * only quantised layers have; not necessarily aligned. */
const struct px_tensor *px_checkpoint_tensor(const struct px_checkpoint *checkpoint, int layer,
                                             enum px_tensor_role role);

/* Whether the layer's weights are int8. */
bool px_checkpoint_quantised(const struct px_checkpoint *checkpoint, int layer);

/* Writes the layer's real weights in PyTorch's order, whatever type they are stored in; `out` holds
 * as many floats as the weight tensor has elements. */
void px_checkpoint_weights(const struct px_checkpoint *checkpoint, int layer, float *out);

/* Replaces all int8 weights by real f32 ones, so that no layer is quantised and the dtype is F32 or
 * BF16; px_checkpoint_list() still shows what the file holds. For tools that write other formats or
 * train on; call it before anyone else reads. NOMEM. */
int px_checkpoint_dequantise(struct px_checkpoint *checkpoint, struct px_error *err);

/* Which layers of a checkpoint become int8. */
struct px_int8_choice {
    const float *input_scales[PX_MAX_LAYERS]; /* [in], positive; NULL: the layer is not quantised */
    enum px_dtype others;                     /* PX_F32 or PX_BF16: the other layers' weights */
};

/* Makes a copy of a checkpoint in memory with the chosen layers quantised
 * (model/checkpoint/quantise.h). INVALID if it has int8 weights already, or NaN or infinite weights
 * in a chosen layer. The copy reads the remaining tensors and the metadata of the original, which
 * must outlive it. NOMEM. */
int px_checkpoint_quantise(struct px_checkpoint **out, const struct px_checkpoint *checkpoint,
                           const struct px_int8_choice *choice, struct px_error *err);

/* Whether px_checkpoint_save() writes the metadata of this key itself, from the network. */
bool px_checkpoint_network_key(const char *key);

/* Saves `tensors` (named as in the state_dict) with the network's metadata and the `extra` entries
 * (which must not repeat the network's keys). Convolution weights are stored as `dtype`, PX_F32 or
 * PX_BF16; everything else, and with PX_DTYPE_AUTO the weights too, is written as given. int8
 * weights, with their scales, need AUTO. INVALID if the tensors are not those of the network; IO if
 * the disk is full; `path` is then unchanged. */
int px_checkpoint_save(const char *path, const struct px_network *network,
                       const struct px_tensor *tensors, size_t count,
                       const struct px_metadata *extra, size_t extra_count, enum px_dtype dtype,
                       struct px_error *err);

/* Writes all tensors of a checkpoint that its network has, as above. */
int px_checkpoint_store(const char *path, const struct px_checkpoint *checkpoint,
                        const struct px_metadata *extra, size_t extra_count, enum px_dtype dtype,
                        struct px_error *err);

/* Writes the network's tensors as a state_dict for PyTorch (model/formats/pth.h), in its order.
 * Leaves out what a state_dict has no place for (direction, crop_size ...) and running statistics
 * that the checkpoint does not have. `dtype` is as above. INVALID if the checkpoint has int8
 * weights: see px_checkpoint_dequantise(). Other failures: as px_pth_save(). */
int px_checkpoint_save_pth(const char *path, const struct px_checkpoint *checkpoint,
                           enum px_dtype dtype, struct px_error *err);

#endif
