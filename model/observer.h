#ifndef MODEL_OBSERVER_H
#define MODEL_OBSERVER_H

/* Who sees what every convolution reads, to find the ranges of int8 (px_engine_observe()). Plain
 * data. */

#include "model/passes.h"

struct px_observer {
    /* Called before the convolution of each layer, on the thread that runs the engine, with the
     * convolution's input: after the activation, with its border, n pictures, not in
     * depth-to-space order. The data is valid during the call and must not be changed. */
    void (*see)(void *context, int layer, const struct px_grid *in);
    void *context;
};

#endif
