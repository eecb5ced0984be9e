#ifndef MODEL_INT8_RANGES_H
#define MODEL_INT8_RANGES_H

/* The ranges of what a network's layers read, and the input scales of int8 that follow from them.
 * One thread at a time. */

#include "base/error.h"
#include "model/engine/observer.h"
#include "model/network/network.h"

struct px_ranges;

/* `network` is copied. */
int px_ranges_create(struct px_ranges **out, const struct px_network *network,
                     struct px_error *err);
void px_ranges_destroy(struct px_ranges *ranges); /* accepts NULL */

/* Notes the largest |x| of each input channel of each layer, from all runs of an f32 model that it
 * observes (px_engine_observe()). It refers to `ranges`. */
struct px_observer px_ranges_observer(struct px_ranges *ranges);

/* The input scales of a layer, input_scale[in] (model/checkpoint/quantise.h), from what was noted.
 *
 * One scale for all channels wastes levels on the channels that are small, one for each puts their
 * ratios into the weights, which share a scale over all inputs and lose what the inputs gain. So
 * the error is divided: a channel's range is the geometric mean of its own and of the largest. With
 * it nothing that was seen is clipped. On the demo model, all layers but the first in int8, on 32
 * pictures that it was not calibrated with, PSNR against f32 in dB, mean and worst:
 *
 *                         largest seen   histogram cut for the least squared error
 *   one range              42.6  41.0     44.3  42.4
 *   one for each half      42.3  41.0     43.7  42.0   (skip and decoder, if they are joined)
 *   one for each channel   42.1  40.9     41.4  39.2
 *   geometric mean         43.8  43.0     44.9  42.8
 *
 * Cutting costs a second pass, and on a model that was half trained 2.7 dB of the worst picture
 * (44.3 instead of 47.0). Cut at the 99.9th percentile all are worse, by 4 to 10 dB.
 * FORMAT if the layer read a number that is not finite. */
int px_ranges_scales(const struct px_ranges *ranges, int layer, float *input_scale,
                     struct px_error *err);

#endif
