#ifndef MODEL_CHECKPOINT_ONNX_H
#define MODEL_CHECKPOINT_ONNX_H

/* Writes a generator as an ONNX model (onnx.ai), for other runtimes: opset 13, float32, one file.
 *
 * `input` is [batch, input_nc, height, width] in [-1, 1], `output` likewise with output_nc. Batch
 * and sides are dynamic; sides must be multiples of px_network_multiple(). With PX_TEST_BATCH batch
 * norm becomes InstanceNormalization, so that every picture of a batch is normalised by its own
 * statistics, as by the engine and the reference's test.py; with PX_TEST_RUNNING it becomes
 * BatchNormalization with the stored statistics. Dropout is off. Parameters keep the names of the
 * state_dict, and their bytes if they are stored as f32; results of layers are named layerN.conv
 * and layerN.norm. metadata_props holds the network's metadata and, with batch norm, `test_norm`.
 * Equal checkpoints give equal bytes.
 *
 * Copies parameters only a few kilobytes at a time. Failures: INVALID if the checkpoint has no
 * running statistics for `mode`, has int8 weights (px_checkpoint_dequantise()), or gives a model
 * larger than the 2 GiB that protobuf allows; NOMEM; IO. `path` is then unchanged. */

#include "base/error.h"
#include "model/checkpoint/checkpoint.h"
#include "model/network/network.h"

int px_onnx_save(const char *path, const struct px_checkpoint *checkpoint, enum px_norm_mode mode,
                 struct px_error *err);

#endif
