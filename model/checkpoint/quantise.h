#ifndef MODEL_CHECKPOINT_QUANTISE_H
#define MODEL_CHECKPOINT_QUANTISE_H

/* int8 weights: what the numbers in a file mean, and how they are computed. Pure functions.
 *
 * A quantised layer has 8-bit weights q in the order of the real ones, a weight_scale for each
 * output channel and an input_scale for each input channel. Its real weights are
 *
 *   w[o,i,y,x] = q[o,i,y,x] * weight_scale[o] / input_scale[i]
 *
 * What the convolution reads (the layer's input after its activation) becomes 8 bits too,
 *
 *   xq[i] = x[i] / input_scale[i], rounded to nearest, ties to even,
 *
 * clamped to 0..255 if the activation is a ReLU, else to -127..127. The convolution is the sum
 * of xq * q in whole numbers, times weight_scale[o], plus the bias. */

#include <stdint.h>

#include "model/network/network.h"
#include "model/network/tensor.h"

/* The largest xq of a layer: 255 after a ReLU, else 127. */
int px_quantise_levels(const struct px_layer *layer);

/* Weights as in PyTorch ([out,in,k,k], transposed [in,out,k,k]) to q of the same order, each
 * -127..127, and weight_scale[out] so that the largest |w * input_scale| of an output channel
 * becomes 127. (Clipping the largest to minimise the squared error changed the demo model's answers
 * by 0.02 dB.) input_scale[in] is positive. weight_scale is positive, and 1 where the
 * channel's weights are too small to matter. */
void px_quantise(const struct px_layer *layer, const float *weights, const float *input_scale,
                 int8_t *q, float *weight_scale);

/* The three tensors of a quantised layer, of its shapes and of the types I8, F32 and F32: writes
 * the real weights in the same order. The data need not be aligned. */
void px_dequantise(const struct px_layer *layer, const struct px_tensor *weight,
                   const struct px_tensor *weight_scale, const struct px_tensor *input_scale,
                   float *out);

#endif
