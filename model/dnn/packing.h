#ifndef MODEL_DNN_PACKING_H
#define MODEL_DNN_PACKING_H

/* How the weights of one convolution are packed, without the convolution: for training, where new
 * weights come with each step, piece by piece. Blocks of oneDNN (model/dnn/blocked.h), in f32 or
 * bf16, or transformed for desc.winograd. Immutable once created; any thread may use it. */

#include <stdbool.h>
#include <stddef.h>

#include "model/dnn/blocked.h"
#include "model/dnn/conv.h"

struct px_packing;

/* NULL if only oneDNN knows how, or there is no memory. */
struct px_packing *px_packing_create(const struct px_conv *conv);
void px_packing_destroy(struct px_packing *packing); /* accepts NULL */

/* Whether both make the same of the same weights. */
bool px_packing_equal(const struct px_packing *a, const struct px_packing *b);

/* Bytes of the packed weights, which are aligned to 64. Padding among them is zero once all weights
 * were packed by px_packing_pack(). */
size_t px_packing_size(const struct px_packing *packing);

/* Plain f32 [oc][ic][kernel][kernel] -> packed. `threads` share the work. */
void px_packing_pack(const struct px_packing *packing, const float *plain, void *packed,
                     int threads);

/* The same for one cell, on the calling thread. Its o, i, rows and columns are multiples of 32, or
 * they reach the end. Cells that do not overlap may be packed at the same time. */
void px_packing_pack_cell(const struct px_packing *packing, const struct px_cell *cell,
                          void *packed);

#endif
