#ifndef SERVER_API_INFERENCE_H
#define SERVER_API_INFERENCE_H

/* The Open Inference Protocol, version 2 (KServe, Triton, OpenVINO): POST /v2/models/M/infer.
 *
 * One input and one output, of any names. The input is BYTES (one PNG or JPEG file), UINT8 or FP32
 * of shape [1, H, W, C], [1, C, H, W] or without the 1; the output has the same type and layout. In
 * JSON files are base64. With the header Inference-Header-Content-Length the tensor's bytes follow
 * the JSON (Triton's binary tensor extension), and if that says 0 the body is a file. The fields of
 * /translate but the model are request parameters; others are ignored. Failures are {"error"}. */

#include "server/message/dialect.h"

extern const struct px_dialect px_dialect_inference;

#endif
