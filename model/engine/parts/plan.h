#ifndef MODEL_ENGINE_PARTS_PLAN_H
#define MODEL_ENGINE_PARTS_PLAN_H

/* A generator for pictures of one size: its convolutions, made once, and one arena for everything
 * that flows between them. Made by and for one thread and its px_dnn; running it allocates
 * nothing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/dnn/conv.h"
#include "model/engine/layer_times.h"
#include "model/engine/observer.h"
#include "model/engine/parts/pack.h"
#include "model/engine/passes.h"
#include "model/network/network.h"

struct px_plan;

struct px_plan_desc {
    const struct px_network *network; /* borrowed, like the pack: both must outlive the plan */
    struct px_pack *pack;
    enum px_dtype dtype; /* PX_F32 or PX_BF16, of weights and activations */
    const bool *int8;    /* borrowed, of each layer: whether it runs on its int8 weights; or NULL */
    int n, height, width; /* n >= 1, multiples of px_network_multiple() */
    bool running;         /* running statistics instead of each picture's own */
    int threads;          /* what `dnn` was made with */
};

/* Bytes of the arena of such a plan; false where the number does not fit a size_t. */
bool px_plan_memory(const struct px_plan_desc *desc, size_t *bytes);

/* NOMEM, or INTERNAL where oneDNN refuses. */
int px_plan_create(struct px_plan **out, struct px_dnn *dnn, const struct px_plan_desc *desc,
                   struct px_error *err);
void px_plan_destroy(struct px_plan *plan); /* accepts NULL */

/* `pictures` name input and output, of the plan's n, height and width. */
struct px_plan_io {
    struct px_pictures pictures;
    const bool *dropout; /* n; NULL: off */
    const uint64_t *seeds;
    struct px_layer_times *profile;     /* NULL: nobody asks */
    const struct px_observer *observer; /* NULL: nobody looks */
};

int px_plan_run(struct px_plan *plan, const struct px_plan_io *io, struct px_error *err);

#endif
