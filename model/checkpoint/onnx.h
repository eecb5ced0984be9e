#ifndef MODEL_CHECKPOINT_ONNX_H
#define MODEL_CHECKPOINT_ONNX_H

/* Writes a generator as an ONNX model (onnx.ai), for other runtimes: opset 13, float32, one file.
 *
 * `input` is [batch, input_nc, height, width] in [-1, 1], `output` likewise with output_nc, all but
 * the channels free; height and width must be multiples of px_network_multiple(), as ever. The
 * norm is as asked for: PX_TEST_BATCH becomes InstanceNormalization, so that every picture of a
 * batch is normalised by its own statistics, as the engine does and the reference's test.py;
 * PX_TEST_RUNNING becomes BatchNormalization with the stored statistics. Dropout is off. Parameters
 * keep the names of the state_dict, and their bytes where they are stored as f32; what flows
 * between layers is named layerN.conv and layerN.norm. The network's metadata and, with batch
 * norm, `test_norm` are in metadata_props. Equal checkpoints give equal bytes.
 *
 * Nothing of the parameters is copied but a few kilobytes at a time. Failures: INVALID where the
 * checkpoint has no running statistics for `mode` or has int8 weights
 * (px_checkpoint_dequantise()), or the model is larger than the 2 GiB that
 * protobuf allows; NOMEM; IO, then nothing of `path` has changed. */

#include "base/error.h"
#include "model/checkpoint/checkpoint.h"
#include "model/network/network.h"

int px_onnx_save(const char *path, const struct px_checkpoint *checkpoint, enum px_norm_mode mode,
                 struct px_error *err);

#endif
