#ifndef MODEL_ENGINE_ALGORITHM_H
#define MODEL_ENGINE_ALGORITHM_H

/* How a layer's convolution is computed: several convolutions of oneDNN give the same result, and
 * which is fastest depends on the layer's shape alone. An algorithm fixes the convolution to ask
 * oneDNN for, the layout of its result and the order of its weights. Pure functions of the layer.
 * In f32 a convolution may be Winograd's (model/dnn/conv.h): that depends on the layer and the size
 * of the pictures, never on how many there are. */

#include <stdbool.h>

#include "model/dnn/conv.h"
#include "model/engine/passes.h"
#include "model/network/network.h"

enum px_algorithm {
    PX_ALGORITHM_NATIVE, /* Conv2d as it is */
    /* ConvTranspose2d 4x4 stride 2 pad 1 as a 2x2 convolution to 4 * out channels: the result with
     * a border of one pixel in depth-to-space order. Twice as fast as oneDNN's deconvolution. */
    PX_ALGORITHM_FOURFOLD,
    /* Other ConvTranspose2d as the backward pass of the convolution from its output to its input.
     * For 3x3 stride 2 the 2x2 convolution would multiply with zeros in 7 of 16 taps, and takes
     * twice as long. It has no bias and no activation: px_pass_feed() has to follow. It runs for
     * one picture at a time: in a batch oneDNN may add in another order than alone. */
    PX_ALGORITHM_BACKWARD,
    /* Conv2d 7x7 stride 1 to at most 4 channels, of a physical border: 2x2 pixels at a time, as a
     * convolution of (kernel + 1)^2 stride 2 to 4 * out channels in depth-to-space order. oneDNN
     * computes 16 channels even for one: three times as fast. */
    PX_ALGORITHM_PAIRS,
    /* ConvTranspose2d 4x4 stride 2 pad 1 at the bottom of a network: every pixel times all weights,
     * as a 1x1 convolution to 16 * out channels in f32, then px_taps_sum(). Small pictures are
     * mostly border, which FOURFOLD computes for nothing (4 times the work at 1x1, 25 % more at
     * 8x8), and oneDNN takes their rows one by one; here the pixels of several pictures are one
     * row. As fast for one picture, where reading the weights takes the time; for eight of them the
     * four layers of a unet_256 take 40 % less. No bias and no activation either. */
    PX_ALGORITHM_TAPS,
};

/* "native", "fourfold", "backward", "pairs", "taps". */
const char *px_algorithm_name(enum px_algorithm algorithm);

enum px_algorithm px_algorithm_of(const struct px_layer *layer);

/* Whether a layer may be int8: not those whose algorithm has no int8 in oneDNN, nor the first one,
 * which reads the picture and takes 1 % of the time. In these, quantised weights are dequantised.
 */
bool px_algorithm_has_int8(const struct px_network *network, int layer);

/* The result of a layer that reads `in`, without data. */
struct px_grid px_algorithm_result(const struct px_layer *layer, const struct px_grid *in,
                                   enum px_dtype dtype);

/* How many of the result's pictures go through the layer at a time, from the convolution to the
 * next layer's input: all, or one. */
int px_algorithm_pictures(const struct px_layer *layer, const struct px_grid *result);

/* The border that a layer's input needs: that of its reflection pad. */
int px_algorithm_border(const struct px_layer *layer);

/* The convolution from grid to grid, of px_algorithm_pictures() pictures, without bias and
 * activation; Winograd's if that is faster. */
struct px_conv_desc px_algorithm_conv(const struct px_layer *layer, const struct px_grid *in,
                                      const struct px_grid *result);

/* How many pictures one convolution computes, a divisor of px_algorithm_pictures(), and the floats
 * that it writes instead of the result. Algorithms other than TAPS: px_algorithm_pictures() and 0.
 */
int px_algorithm_at_once(const struct px_layer *layer, const struct px_grid *result);
size_t px_algorithm_taps(const struct px_layer *layer, const struct px_grid *result);

/* Whether the convolution can have a bias and an activation. */
bool px_algorithm_has_bias(enum px_algorithm algorithm);

/* How often a channel's bias is repeated in the convolution's: 4 in depth-to-space order, else 1.
 */
int px_algorithm_repeats(enum px_algorithm algorithm);

/* Elements of the weights in the algorithm's order. */
size_t px_algorithm_weights(const struct px_layer *layer);

/* The layer's weights, PyTorch's [out][in][k][k] or transposed [in][out][k][k], times scale[out],
 * in the order [oc][ic][kernel][kernel] of the algorithm's convolution. Uses the calling thread's
 * team.
 */
void px_algorithm_arrange(const struct px_layer *layer, const float *from, const float *scale,
                          float *to);

#endif
