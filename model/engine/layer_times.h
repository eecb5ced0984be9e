#ifndef MODEL_ENGINE_LAYER_TIMES_H
#define MODEL_ENGINE_LAYER_TIMES_H

/* Where one run's time went, layer by layer. Plain data, filled by px_engine_run() after
 * px_engine_profile(). */

#include <stdint.h>

#include "base/clock.h"
#include "model/network/dtype.h"
#include "model/network/network.h"

struct px_layer_profile {
    int64_t convolution_ns;
    int64_t statistics_ns; /* of the norm; 0 if there are none, or the convolution gathers them */
    int64_t pass_ns;       /* norm, activation and layout on the way to the next layer, or to
                            * the picture */
    enum px_dtype dtype;   /* what the convolution reads */
    double gflop, weight_bytes; /* of the whole batch: struct px_conv_work */
    const char *algorithm;      /* px_algorithm_name() */
    const char *implementation; /* oneDNN's name; valid until the engine's next run */
};

struct px_layer_times {
    int64_t in_ns; /* from the pictures to the first layer's input */
    struct px_layer_profile layers[PX_MAX_LAYERS];
};

/* Adds the time since *mark to *to and moves *mark to now. */
static inline void px_layer_times_lap(int64_t *mark, int64_t *to)
{
    int64_t now = px_now_ns();

    *to += now - *mark;
    *mark = now;
}

#endif
