#ifndef MODEL_ENGINE_BATCH_H
#define MODEL_ENGINE_BATCH_H

/* Pictures of one size that go through the generator together. Plain data; everything is borrowed
 * for the call that takes it. */

#include <stdbool.h>
#include <stdint.h>

#include "model/network/network.h"

/* What a plan is made for. */
struct px_shape {
    int n, height, width; /* of a batch; n >= 1, the sides as in px_batch */
    bool running;         /* batch norm by running statistics, folded into the weights */
};

/* n pictures and the places of their answers, interleaved by pixel: input_nc channels in, output_nc
 * channels out. Either 8-bit, `in` and `out` (0..255), or floats, `in_f32` and `out_f32` (in
 * [-1, 1]; out is what tanh gives); the other two are NULL. */
struct px_batch {
    int n;
    int height, width; /* multiples of px_network_multiple() from px_network_min_side() on */
    enum px_norm_mode norm;
    const uint8_t *const *in;
    uint8_t *const *out;
    const bool *dropout;   /* per picture: on or off; NULL: off for all */
    const uint64_t *seeds; /* per picture, read if dropout is on */
    const float *const *in_f32;
    float *const *out_f32;
    /* Asked between layers, on the thread that runs the batch: true ends the run, and the answers
     * hold anything. NULL: never. */
    bool (*stop)(void *stop_context);
    void *stop_context;
};

#endif
