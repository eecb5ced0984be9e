#ifndef MODEL_CHECKPOINT_CHECKPOINT_H
#define MODEL_CHECKPOINT_CHECKPOINT_H

/* A generator in a safetensors file: the tensors of its state_dict, and in __metadata__ the strings
 * that rebuild the network: architecture, ngf, input_nc, output_nc, norm, dropout ("true"/"false"),
 * direction, crop_size, test_norm (batch or running: what an image is normalised by where nobody
 * says), plus the trainer's version and options (shown by `inspect`, not interpreted). Metadata
 * that is missing is inferred from names and shapes where that is possible; where both are there
 * they must agree; what neither tells is the reference's default (AtoB, the architecture's crop
 * size and, but for a ResNet, whose names tell, dropout). Every tensor the network needs must be
 * there with its exact shape; running statistics may be missing; tensors it does not need are an
 * error, but for the statistics that old versions of PyTorch kept for InstanceNorm, which are
 * ignored.
 *
 * A layer may be quantised (model/checkpoint/quantize.h): then its CONV.weight is I8 and it has
 * CONV.weight_scale and CONV.input_scale besides, both F32, positive and finite. A checkpoint with
 * at least one such layer is "int8". Files of PyTorch hold no such layers.
 *
 * Immutable once loaded; any number of threads may read. */

#include <stdbool.h>

#include "base/error.h"
#include "model/formats/pth.h"
#include "model/formats/safetensors.h"
#include "model/network/network.h"

struct px_checkpoint {
    struct px_network network;
    struct px_safetensors *file;       /* owned; NULL where PyTorch wrote the file, and then */
    struct px_pth *pth;                /* this, owned, is not; both NULL: made in memory */
    const struct px_tensor_list *list; /* all that the file holds */
    bool has_running;    /* all running means and variances that the network has are there; true
                            without batch norm */
    bool test_running;   /* test_norm is running; false where the file does not say */
    enum px_dtype dtype; /* PX_S8 where any layer is quantised, else the stored type of the first
                            layer's weights: PX_F32, PX_BF16, ... */
    const struct px_tensor *tensors[PX_MAX_LAYERS][PX_ROLE_COUNT]; /* px_checkpoint_tensor() */
    struct px_substitute *substitutes[PX_MAX_LAYERS]; /* owned: weights that were made here */
};

/* Failures: NOT_FOUND, IO, FORMAT, NOMEM; the message begins with the path. */
int px_checkpoint_open(struct px_checkpoint **out, const char *path, struct px_error *err);
/* The same, but also from a file of PyTorch (model/formats/pth.h); the content tells which it is.
 * For tools and --init; the daemon reads safetensors only. */
int px_checkpoint_import(struct px_checkpoint **out, const char *path, struct px_error *err);
/* The same for any tensors, of whatever network: fills `list` alone. */
int px_checkpoint_peek(struct px_checkpoint **out, const char *path, struct px_error *err);
void px_checkpoint_close(struct px_checkpoint *checkpoint); /* accepts NULL */

/* The tensor of a layer (below layer_count) in some role, or NULL where the network or the file has
 * none. Of a floating-point type, i64 for BATCHES, possibly int8 for WEIGHT, f32 for the scales,
 * which quantised layers alone have; not necessarily aligned. */
const struct px_tensor *px_checkpoint_tensor(const struct px_checkpoint *checkpoint, int layer,
                                             enum px_tensor_role role);

/* True where the layer's weights are int8. */
bool px_checkpoint_quantised(const struct px_checkpoint *checkpoint, int layer);

/* The layer's real weights in PyTorch's order, whatever type they are stored in; `out` holds as
 * many floats as the weight tensor has elements. */
void px_checkpoint_weights(const struct px_checkpoint *checkpoint, int layer, float *out);

/* Puts real f32 weights in the place of all int8 ones, so that the checkpoint is one without
 * quantised layers, dtype F32 or BF16; `list` stays what the file holds. For tools that write other
 * formats or go on training: call it before anybody else reads. NOMEM. */
int px_checkpoint_dequantize(struct px_checkpoint *checkpoint, struct px_error *err);

/* Which layers of a checkpoint become int8. */
struct px_int8_choice {
    const float *input_scales[PX_MAX_LAYERS]; /* [in], positive; NULL: the layer is not quantised */
    enum px_dtype others;                     /* PX_F32 or PX_BF16: the weights of those */
};

/* A checkpoint in memory like this one, which has no int8 weights and in the chosen layers none
 * that are NaN or infinite (else INVALID), with those layers quantised
 * (model/checkpoint/quantize.h). It reads the other tensors and the metadata of this one, which
 * must outlive it. NOMEM. */
int px_checkpoint_quantize(struct px_checkpoint **out, const struct px_checkpoint *checkpoint,
                           const struct px_int8_choice *choice, struct px_error *err);

/* Whether px_checkpoint_save() writes the metadata of this key by itself, from the network. */
bool px_checkpoint_network_key(const char *key);

/* Saves `tensors` (names of the state_dict) with the network's metadata and `extra` entries (which
 * may not repeat the network's keys). `dtype` PX_F32 or PX_BF16 is the type that convolution
 * weights are stored in; everything else, and with PX_DTYPE_AUTO the weights too, is written as it
 * is given: int8 weights, with their scales, go with AUTO only. INVALID where the tensors are not
 * those of the network; IO where the disk is full, then nothing of `path` has changed. */
int px_checkpoint_save(const char *path, const struct px_network *network,
                       const struct px_tensor *tensors, size_t count,
                       const struct px_metadata *extra, size_t extra_count, enum px_dtype dtype,
                       struct px_error *err);

/* Writes all tensors of a checkpoint that its network has, as above. */
int px_checkpoint_store(const char *path, const struct px_checkpoint *checkpoint,
                        const struct px_metadata *extra, size_t extra_count, enum px_dtype dtype,
                        struct px_error *err);

/* Writes the network's tensors as a state_dict for PyTorch (model/formats/pth.h), in its order.
 * What a state_dict cannot say (direction, crop_size ...) is left out, and so are running
 * statistics that the checkpoint has not. `dtype` is as above. INVALID where the checkpoint has
 * int8 weights: see px_checkpoint_dequantize(). Other failures: as px_pth_save(). */
int px_checkpoint_save_pth(const char *path, const struct px_checkpoint *checkpoint,
                           enum px_dtype dtype, struct px_error *err);

#endif
