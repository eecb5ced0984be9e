#ifndef TESTS_TRAINER_NN_HAS_WINOGRAD_H
#define TESTS_TRAINER_NN_HAS_WINOGRAD_H

#include <stdbool.h>

#include "model/dnn/conv.h"

/* Whether this CPU computes large convolutions by Winograd's algorithms, seen by one that is large
 * enough anywhere. */
static inline bool has_winograd(void)
{
    const struct px_conv_desc d = {.n = 1,
                                   .ih = 64,
                                   .iw = 64,
                                   .ic = 256,
                                   .oc = 256,
                                   .kernel = 3,
                                   .stride = 1,
                                   .pad = 1,
                                   .src = PX_F32,
                                   .weights = PX_F32,
                                   .dst = PX_F32};

    return px_conv_winograd(&d) != 0;
}

#endif
