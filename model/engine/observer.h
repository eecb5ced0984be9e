#ifndef MODEL_ENGINE_OBSERVER_H
#define MODEL_ENGINE_OBSERVER_H

/* A callback that gets what every convolution reads, and may give it something else to read: to
 * find the ranges of int8 and to try int8 out (px_engine_observe()). Plain data. */

#include "model/engine/passes.h"

struct px_observer {
    /* Called before each convolution, on the thread that runs the engine, with its input: some of
     * the batch's pictures (every picture comes to every layer once), after the activation, with
     * their border, not in depth-to-space order, of the type that the layer computes in. The data
     * is valid during the call and must not be changed: others may read it too. Returns NULL, or
     * the data of a grid of the same kind for the convolution to read instead, aligned to 64 bytes
     * and valid until the next call or the end of the run. */
    void *(*see)(void *context, int layer, const struct px_grid *in);
    void *context;
};

#endif
