#include <stdlib.h>

#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/parts/checkpoint_parts.h"

/* The tensors as they will be written: views of the checkpoint's data or of `owned`. */
struct state {
    struct px_tensor_spec specs[PX_MAX_LAYERS * PX_ROLE_COUNT];
    struct px_tensor tensors[PX_MAX_LAYERS * PX_ROLE_COUNT];
    void *owned[PX_MAX_LAYERS * PX_ROLE_COUNT];
    size_t count;
};

/* Lists what is there in PyTorch's order, and converts the weights of convolutions. */
static int collect(struct state *state, const struct px_checkpoint *checkpoint, enum px_dtype dtype,
                   struct px_error *err)
{
    size_t count = px_network_tensors(&checkpoint->network, state->specs,
                                      sizeof state->specs / sizeof *state->specs);

    for (size_t i = 0; i < count; i++) {
        const struct px_tensor_spec *spec = &state->specs[i];
        const struct px_tensor *tensor = px_checkpoint_tensor(checkpoint, spec->layer, spec->role);
        if (!tensor)
            continue;
        size_t at = state->count++;
        state->tensors[at] = *tensor;
        if (spec->role != PX_ROLE_WEIGHT || dtype == PX_DTYPE_AUTO || tensor->dtype == dtype)
            continue;
        int rc = px_tensor_convert(&state->tensors[at], dtype, &state->owned[at], err);
        if (rc)
            return rc;
    }
    return 0;
}

int px_checkpoint_save_pth(const char *path, const struct px_checkpoint *checkpoint,
                           enum px_dtype dtype, struct px_error *err)
{
    struct state *state = calloc(1, sizeof *state);

    if (!state)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for a state_dict", path);
    int rc = px_checkpoint_check_real(checkpoint, err);
    if (!rc)
        rc = collect(state, checkpoint, dtype, err);
    if (rc)
        px_error_prefix(err, path);
    else
        rc = px_pth_save(path, state->tensors, state->count, err);
    for (size_t i = 0; i < state->count; i++)
        free(state->owned[i]);
    free(state);
    return rc;
}
