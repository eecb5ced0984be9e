#ifndef MODEL_ENGINE_PARTS_LAYOUT_H
#define MODEL_ENGINE_PARTS_LAYOUT_H

/* Where a plan's pictures are, as offsets into one arena, and in which order they go through the
 * layers. */

#include <stdbool.h>
#include <stddef.h>

#include "model/engine/batch.h"
#include "model/engine/parts/pack.h"
#include "model/engine/passes.h"
#include "model/network/network.h"

/* What a plan is made for. */
struct px_plan_desc {
    const struct px_network *network; /* borrowed, like the pack: both must outlive the plan */
    struct px_pack *pack;
    enum px_dtype dtype;   /* PX_F32 or PX_BF16, of weights and activations */
    const bool *int8;      /* borrowed, per layer: whether it runs on its int8 weights; or NULL */
    struct px_shape shape; /* the sides are multiples of px_network_multiple() */
    int threads;           /* what the plan's px_dnn was created with */
};

/* Layers in which pictures go one at a time and that follow each other are a group, as is every
 * other layer on its own: a group is done with a picture before it begins with the next, so that
 * what flows within it stays in the caches. Grids without data; their n is 1 if a picture is no
 * longer needed when the next one comes, else the batch. */
struct px_place {
    struct px_grid in, result; /* of the convolution */
    struct px_grid kept;       /* what later layers read of `in` if that has 8 bits: for a sum as
                                  it was before, for a skip with the scales of the layer that joins
                                  it; 0 channels: nothing is kept */
    size_t in_at, result_at, kept_at; /* offsets of the data, multiples of 64 */
    int pictures;                     /* at a time */
    int group;                        /* counted from 0 */
    int joined;                       /* the layer that joins `in` as its skip, or -1 */
};

struct px_layout {
    struct px_place places[PX_MAX_LAYERS];
    size_t work_at; /* of the statistics; one layer at a time */
    size_t size;    /* of the arena */
};

/* False if a size does not fit a size_t. */
bool px_layout_make(struct px_layout *layout, const struct px_plan_desc *desc);

/* Whether a layer is normalised by the statistics of each picture. */
bool px_layout_statistics(const struct px_plan_desc *desc, int layer);

#endif
