#ifndef MODEL_DNN_PARTS_WINOGRAD_H
#define MODEL_DNN_PARTS_WINOGRAD_H

/* Convolutions in f32 with fewer multiplications (parts/minimal.h), forward and backward by data:
 * kernels of 2x2, 3x3 and 4x4 with stride 1, and of 4x4 with stride 2, which is one of 2x2 on a
 * quarter of the pixels with four times the channels. A result does not depend on the other
 * pictures, the number of threads or the picture's place in the batch, to the bit.
 *
 * A px_winograd is immutable; any thread may use it with a scratchpad of its own, outside OpenMP
 * regions. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/dnn/blocked.h"
#include "model/dnn/conv_desc.h"

struct px_winograd;

/* The side of the squares of results that are fastest for this convolution by a model of the cost,
 * which does not read desc->n; 0 if oneDNN's direct convolution is, or it is the only one that can,
 * as on CPUs without AVX2 and FMA. desc->winograd is not read. In parts/winograd_choose.c. */
int px_winograd_choose(const struct px_conv_desc *desc);

/* The same in training, where weights are packed for each run. Any pass. */
int px_winograd_choose_training(const struct px_conv_desc *desc);

/* The floats of its packed weights; desc->winograd is what one of these gave. In
 * parts/winograd_choose.c. */
size_t px_winograd_weights(const struct px_conv_desc *desc);

/* desc->winograd is a side that suits the kernel. INVALID if this CPU or the number of channels
 * (multiples of 8 that are read, of 4 that are written) does not allow it; NOMEM. */
int px_winograd_create(struct px_winograd **out, const struct px_conv_desc *desc, int threads,
                       struct px_error *err);
void px_winograd_destroy(struct px_winograd *winograd); /* accepts NULL */

/* "winograd 3x3:avx2". */
const char *px_winograd_name(const struct px_winograd *winograd);

/* Bytes of the scratchpad, which is aligned to 64 and may hold anything. */
size_t px_winograd_scratch(const struct px_winograd *winograd);

/* The floats of packed weights, which are aligned to 64: elements x depth x columns, 2.25 to 4
 * times as many as there are weights. On one CPU these three identify their layout. */
struct px_winograd_layout {
    size_t elements, depth, columns;
};
struct px_winograd_layout px_winograd_layout(const struct px_winograd *winograd);

void px_winograd_run(const struct px_winograd *winograd, const struct px_conv_buffers *buffers,
                     void *scratch);

/* How plain weights [oc][ic][kernel][kernel] become packed ones. Plain data, equal if all bytes
 * are. */
struct px_winograd_packing {
    int kernel, stride, taps, points;
    size_t oc, ic;
    size_t depth, width, panel; /* of the packed ones, and columns of a panel */
    size_t parts;               /* stride * stride */
    size_t back;                /* 1: of a backward pass, which reads the kernels turned around */
};
struct px_winograd_packing px_winograd_packing(const struct px_winograd *winograd);

/* The functions from here on are in parts/winograd_pack.c. */

void px_winograd_pack(const struct px_winograd_packing *packing, const float *plain, float *packed,
                      int threads);

/* The same for one cell, on the calling thread. Its o, i, rows and columns are multiples of
 * PX_WINOGRAD_CELL, or they reach the end. Cells that do not overlap may be packed at the same
 * time.
 */
enum { PX_WINOGRAD_CELL = 32 };
void px_winograd_pack_cell(const struct px_winograd_packing *packing, const struct px_cell *cell,
                           float *packed);

#endif
