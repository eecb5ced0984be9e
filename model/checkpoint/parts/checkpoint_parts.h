#ifndef MODEL_CHECKPOINT_PARTS_CHECKPOINT_PARTS_H
#define MODEL_CHECKPOINT_PARTS_CHECKPOINT_PARTS_H

/* Private to the files that read and write checkpoints: what they share. Each function is in the
 * file named after it: checkpoint_select.c, checkpoint_infer.c, checkpoint_bind.c,
 * checkpoint_check.c, checkpoint_nearest.c, checkpoint_int8.c, and checkpoint_save.c for
 * px_checkpoint_describe(). */

#include "model/checkpoint/checkpoint.h"
#include "model/formats/pth.h"
#include "model/formats/safetensors.h"

/* The tensors that are taken from a file. Zero-initialised it is empty. */
struct px_checkpoint_selection {
    struct px_tensor_list list; /* views of the file's, under the names of the state_dict */
    char *names;                /* owned, as list.tensors */
    char place[128];            /* where in the file they are, "netG"; "" for the outermost level */
    size_t left_out;            /* tensors of the file that are not taken */
};

enum px_checkpoint_kind { PX_SELECT_G, PX_SELECT_D }; /* generator, discriminator */

/* Takes the network of a kind from all tensors of a file: the one at `key` if it is not NULL, else
 * the only one. Without a key and any place that looks like a generator, PX_SELECT_G takes all
 * tensors. Strips `module.` and `_orig_mod.` from the components of names. FORMAT if there are
 * several such networks, or none at the key. The caller clears *selection, also after a failure. */
int px_checkpoint_select(struct px_checkpoint_selection *selection,
                         const struct px_tensor_list *all, enum px_checkpoint_kind kind,
                         const char *key, struct px_error *err);
void px_checkpoint_selection_clear(struct px_checkpoint_selection *selection);

/* Remarks about a file that was accepted, for people: sentences without a full stop, joined by ";
 * ".
 */
struct px_checkpoint_notes {
    char text[400];
};
__attribute__((format(printf, 2, 3))) void px_checkpoint_note(struct px_checkpoint_notes *notes,
                                                              const char *format, ...);

struct px_checkpoint {
    struct px_network network;
    struct px_safetensors *file;              /* owned; NULL if PyTorch wrote the file, then */
    struct px_pth *pth;                       /* this, owned, is set; both NULL: made in memory */
    struct px_checkpoint_selection selection; /* owned; empty if made in memory */
    const struct px_tensor_list *list;        /* what is taken from the file, or all of it */
    struct px_checkpoint_notes notes;
    bool has_running;
    enum px_norm_mode test_norm;
    enum px_dtype dtype;
    const struct px_tensor *tensors[PX_MAX_LAYERS][PX_ROLE_COUNT];
    struct px_substitute *substitutes[PX_MAX_LAYERS]; /* owned: weights that were made here */
};

/* Finds out from names and shapes which network a file's tensors are, and checks it against the
 * file's metadata. FORMAT if they disagree or match no known network. */
int px_checkpoint_infer(struct px_network *network, const struct px_tensor_list *list,
                        struct px_checkpoint_notes *notes, struct px_error *err);

/* Whether the metadata looks like that of px_checkpoint_save(): it names a known architecture, or
 * none and all values that describe a network are such as it writes. */
bool px_checkpoint_is_own(const struct px_tensor_list *list);

/* FORMAT if an element is NaN, or infinite as f32. The message names tensor and element. */
int px_checkpoint_check_finite(const struct px_tensor *tensor, struct px_error *err);

/* The name among `count` that is most like `name`, by letters; "" among none. */
const char *px_checkpoint_nearest(const struct px_tensor_spec *specs, size_t count,
                                  const char *name);

/* The metadata that describes a network. The entries point into the struct: do not copy it. */
enum { PX_NETWORK_KEYS = 8 };

struct px_checkpoint_metadata {
    struct px_metadata entries[PX_NETWORK_KEYS];
    char ngf[16], input_nc[16], output_nc[16], crop_size[16];
};

/* `network` must outlive *out. */
void px_checkpoint_describe(struct px_checkpoint_metadata *out, const struct px_network *network);

/* What px_checkpoint_dtype() returns, from the tensors. */
enum px_dtype px_checkpoint_stored_dtype(const struct px_checkpoint *checkpoint);

/* INVALID if the checkpoint has int8 weights, which other formats cannot hold. */
int px_checkpoint_check_real(const struct px_checkpoint *checkpoint, struct px_error *err);

/* The tensors of a state_dict, assigned to layers and roles one by one. */
struct px_checkpoint_binding {
    const struct px_network *network;
    enum px_code code; /* what a mismatch is: FORMAT in a file, INVALID from a caller */
    size_t count;
    struct px_tensor_spec specs[PX_MAX_LAYERS * PX_ROLE_COUNT];
    const struct px_tensor *found[PX_MAX_LAYERS][PX_ROLE_COUNT];
};

void px_checkpoint_bind_init(struct px_checkpoint_binding *binding,
                             const struct px_network *network, enum px_code code);
/* Fails if the network has no such tensor or needs another shape. *spec is NULL for a tensor that
 * is ignored: the statistics that old versions of PyTorch kept for InstanceNorm. */
int px_checkpoint_bind(struct px_checkpoint_binding *binding, const struct px_tensor *tensor,
                       const struct px_tensor_spec **spec, struct px_error *err);
/* Fails if a tensor is missing or a layer's scales do not match its weights; *has_running shows
 * whether all statistics are present. */
int px_checkpoint_bind_check(const struct px_checkpoint_binding *binding, bool *has_running,
                             struct px_error *err);

#endif
