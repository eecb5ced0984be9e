#ifndef MODEL_DNN_PARTS_WINOGRAD_PARTS_H
#define MODEL_DNN_PARTS_WINOGRAD_PARTS_H

/* What a px_winograd is made of, for the files parts/winograd*.c. */

#include "model/dnn/parts/minimal.h"
#include "model/dnn/parts/multiply.h"
#include "model/dnn/parts/winograd.h"

/* A pass as convolutions with stride 1 of the pictures that it reads. Where those have a stride of
 * `gather`, pixel (y, x) of the input has pixel (gather * y + a, gather * x + b) as its channels
 * from (gather * a + b) * ic on; where the results have one of `scatter`, their pixels are spread
 * likewise.
 */
struct px_winograd_shape {
    int side, taps, points; /* of squares, kernels and patches */
    int ih, iw, ic;         /* what is read */
    int oh, ow, oc;         /* what is written */
    int gather, scatter;
    int pad, shift;      /* lines before the first of what is read, of what is written */
    int rows, columns;   /* squares that cover the results */
    size_t depth, width; /* channels in; channels out, with padding */
    size_t panel;        /* columns of a panel of weights; the last one may have fewer */
};

struct px_winograd {
    struct px_conv_desc desc;
    struct px_winograd_shape shape;
    const struct px_multiplier *multiplier;
    int threads;
    size_t squares; /* of all pictures */
    size_t at_once; /* squares that go through the three steps together */
    bool together;  /* all threads work on the same squares; else each has its own */
    char name[32];
};

/* In parts/winograd_shape.c: whether such a pass can be computed so at all, by a CPU that has the
 * multiplier; and its shape. */
bool px_winograd_can(const struct px_conv_desc *desc, int side);
struct px_winograd_shape px_winograd_shape_of(const struct px_conv_desc *desc, int side,
                                              const struct px_multiplier *multiplier);

/* Shape and name of the pass by squares of desc->winograd on this CPU; INVALID as
 * px_winograd_create(). */
int px_winograd_shape_make(const struct px_conv_desc *desc, struct px_winograd_shape *shape,
                           char name[static 32], struct px_error *err);

/* The functions from here on are in parts/winograd_take.c. */

/* Where a square is, counted over all pictures. */
struct px_winograd_spot {
    size_t picture;
    int row, column; /* of its first pixel in the result */
};
struct px_winograd_spot px_winograd_spot_of(const struct px_winograd_shape *shape, size_t square);

/* Transforms what a square needs of the pictures `from`, with a stride in parts: element i of its
 * channels goes to out + i * step. */
void px_winograd_take(const struct px_winograd_shape *shape, const float *from, size_t square,
                      float *out, size_t step);

/* Channels out of a gradient by weights that lie beside each other. */
enum { PX_GRADIENT_BLOCK = 16 };

/* Floats from one square to the next, of a transformed patch or of sums: a power of two would put
 * them all into the same few lines of a cache. */
static inline size_t px_winograd_pitch(size_t channels)
{
    return channels + 16;
}

#endif
