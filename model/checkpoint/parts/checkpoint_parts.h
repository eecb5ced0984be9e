#ifndef MODEL_CHECKPOINT_PARTS_CHECKPOINT_PARTS_H
#define MODEL_CHECKPOINT_PARTS_CHECKPOINT_PARTS_H

/* Private to the files that read and write checkpoints: what both need. */

#include "model/checkpoint/checkpoint.h"

/* Finds out what network a file's tensors are, from names and shapes, and checks it against the
 * metadata that is there. FORMAT where they disagree or it is none that is known. */
int px_checkpoint_infer(struct px_network *network, const struct px_tensor_list *list,
                        struct px_error *err);

/* The metadata that rebuilds a network. The entries point into the struct: do not copy it. */
enum { PX_NETWORK_KEYS = 8 };

struct px_checkpoint_metadata {
    struct px_metadata entries[PX_NETWORK_KEYS];
    char ngf[16], input_nc[16], output_nc[16], crop_size[16];
};

/* `network` must outlive *out. */
void px_checkpoint_describe(struct px_checkpoint_metadata *out, const struct px_network *network);

/* What px_checkpoint.dtype says. */
enum px_dtype px_checkpoint_stored_dtype(const struct px_checkpoint *checkpoint);

/* INVALID where a checkpoint that is to be written in another format has int8 weights. */
int px_checkpoint_check_real(const struct px_checkpoint *checkpoint, struct px_error *err);

/* The tensors of a state_dict, put in their places one by one. */
struct px_checkpoint_binding {
    const struct px_network *network;
    enum px_code code; /* what a mismatch is: FORMAT in a file, INVALID from a caller */
    size_t count;
    struct px_tensor_spec specs[PX_MAX_LAYERS * PX_ROLE_COUNT];
    const struct px_tensor *found[PX_MAX_LAYERS][PX_ROLE_COUNT];
};

void px_checkpoint_bind_start(struct px_checkpoint_binding *binding,
                              const struct px_network *network, enum px_code code);
/* Fails where the network has no such tensor or one of another shape. *spec is NULL for what is
 * tolerated: the statistics that old versions of PyTorch kept for InstanceNorm. */
int px_checkpoint_bind(struct px_checkpoint_binding *binding, const struct px_tensor *tensor,
                       const struct px_tensor_spec **spec, struct px_error *err);
/* Fails where one is missing or a layer's scales do not fit its weights; *has_running tells whether
 * all statistics are there. */
int px_checkpoint_bind_end(const struct px_checkpoint_binding *binding, bool *has_running,
                           struct px_error *err);

#endif
