#ifndef MODEL_ENGINE_PARTS_PACK_H
#define MODEL_ENGINE_PARTS_PACK_H

/* A checkpoint's weights as convolutions read them: rearranged, with running statistics folded in
 * if those are used, converted and in oneDNN's layout. Each layer is packed when a plan first asks
 * for it, once for every layout that oneDNN chooses (it may choose by size and thread count), and
 * then shared read-only by all plans until the pack is destroyed. Any number of threads may ask at
 * a time. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/checkpoint/checkpoint.h"
#include "model/dnn/conv.h"

struct px_packed {
    void *weights;  /* as the convolution wants them; read-only */
    float *bias;    /* [oc] of the convolution; NULL without bias */
    float *scale;   /* [oc], of int8 weights; else NULL */
    float *inverse; /* [in_channels], 1 / input_scale of int8 weights; else NULL */
    /* [out_channels], what is left to do to its result, as in px_norm_pass: a norm by the picture's
     * statistics, or with `mean` a fixed one; gamma is NULL if there is nothing. */
    float *gamma, *beta, *mean;
};

struct px_pack;

/* The checkpoint must outlive the pack. */
int px_pack_create(struct px_pack **out, const struct px_checkpoint *checkpoint,
                   struct px_error *err);
void px_pack_destroy(struct px_pack *pack); /* accepts NULL */

/* Whether running statistics are folded into the layer's weights and into what is added to its
 * result; with batch norm only. */
bool px_pack_folds(const struct px_network *network, int layer, bool running);

/* Whether the layer's convolution has a bias. */
bool px_pack_has_bias(const struct px_network *network, int layer, bool running);

/* The weights of a layer for `conv`, the convolution of its algorithm (model/engine/algorithm.h);
 * int8 only if they are quantised in the checkpoint. `running`: with running statistics, which the
 * checkpoint has. *out belongs to the pack. NOMEM, IO if the checkpoint's file was modified, or as
 * px_conv_pack(). */
int px_pack_get(struct px_pack *pack, int layer, bool running, struct px_conv *conv,
                const struct px_packed **out, struct px_error *err);

/* Bytes packed so far. Never waits for packing under way. */
size_t px_pack_memory(struct px_pack *pack);

#endif
