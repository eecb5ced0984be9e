#ifndef MODEL_DNN_BLOCKED_H
#define MODEL_DNN_BLOCKED_H

/* Moves convolution weights between PyTorch's plain order and oneDNN's blocked layouts. oneDNN's
 * own reorders do this at 4 GB/s (29 ms for a unet_256 in bf16, half of a training step for small
 * networks); a blocked layout's offset is a sum of one term a dimension, so three small tables
 * describe any of them and the move runs at memory speed. Immutable once created; any thread may
 * use it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <oneapi/dnnl/dnnl.h>

#include "model/network/dtype.h"

struct px_blocked;

/* desc: weights [oc][ic][kh][kw] in a blocked format without compensation. NULL if it is not
 * such a format, or there is no memory: use a oneDNN reorder then. */
struct px_blocked *px_blocked_create(const_dnnl_memory_desc_t desc);
void px_blocked_destroy(struct px_blocked *blocked); /* accepts NULL */

/* Whether both put every weight at the same place. */
bool px_blocked_equal(const struct px_blocked *a, const struct px_blocked *b);
/* A number that depends on the place of every weight. */
uint64_t px_blocked_fingerprint(const struct px_blocked *b);
/* Elements of the packed buffer, with its padding. */
size_t px_blocked_size(const struct px_blocked *b);

/* The functions from here on are in parts/blocked_move.c. */

/* plain: f32 [oc][ic][kh][kw]. Padding of the blocked buffer is zeroed when packing. `threads`
 * share the work. */
void px_blocked_pack_f32(const struct px_blocked *b, const float *plain, float *packed,
                         int threads);
void px_blocked_pack_bf16(const struct px_blocked *b, const float *plain, uint16_t *packed,
                          int threads);
void px_blocked_unpack_f32(const struct px_blocked *b, const float *packed, float *plain,
                           int threads);

/* A part of the weights with all its taps: `rows` output channels from o on, `columns` input
 * channels from i on, and the place of the plain ones, which may be a small array of their own. o
 * and i are multiples of 16; rows and columns, too, or they reach the end. */
struct px_cell {
    size_t o, i, rows, columns;
    float *plain; /* the first of them; input channels follow each other */
    size_t pitch; /* floats from one output channel to the next */
};

/* The same for one cell, on the calling thread; `packed` is the whole buffer, whose padding is left
 * alone. Cells that do not overlap may be moved at the same time. */
void px_blocked_pack_cell(const struct px_blocked *b, const struct px_cell *cell,
                          enum px_dtype dtype, void *packed);
void px_blocked_unpack_cell(const struct px_blocked *b, const struct px_cell *cell,
                            const float *packed);

#endif
