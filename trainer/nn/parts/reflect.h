#ifndef TRAINER_NN_PARTS_REFLECT_H
#define TRAINER_NN_PARTS_REFLECT_H

/* ReflectionPad2d and its gradient, nhwc: the pad mirrors the pixels beside the edge, which
 * itself is not repeated. Sums are f32, in a fixed order whatever the threads. */

#include "model/network/dtype.h"

struct px_reflect {
    int n, height, width, channels; /* of the pictures without the pad */
    int pad;                        /* on each side; less than height and width */
    int threads;
    enum px_dtype dtype; /* of all elements */
};

/* in: (n, height, width, channels), out: (n, height + 2 pad, width + 2 pad, channels). */
void px_reflect_pad(const struct px_reflect *r, const void *in, void *out);

/* The gradient by `in` from that by `out`; overwrites din. */
void px_reflect_fold(const struct px_reflect *r, const void *dout, void *din);

#endif
