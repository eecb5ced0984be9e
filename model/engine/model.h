#ifndef MODEL_ENGINE_MODEL_H
#define MODEL_ENGINE_MODEL_H

/* A checkpoint and its weights packed for one arithmetic type. Immutable to callers,
 * reference-counted, shared by all engines and threads. Weights are packed when an engine first
 * needs them; that is locked inside. */

#include <stddef.h>

#include "base/error.h"
#include "model/checkpoint/checkpoint.h"

struct px_model;

/* Takes ownership of the checkpoint on success; the model begins with one reference.
 *
 * dtype: AUTO, F32, BF16 or S8. Int8 needs a checkpoint with quantised layers; its other layers run
 * in bf16 if px_cpu_is_fast_in_bf16(), else in f32. With F32 and BF16, quantised weights are
 * dequantised. AUTO is int8 if checkpoint and CPU allow it, else bf16 if that is fast, else f32.
 * USAGE: the CPU cannot compute in the type, or the checkpoint is not int8. */
int px_model_create(struct px_model **out, struct px_checkpoint *checkpoint, enum px_dtype dtype,
                    struct px_error *err);
/* px_checkpoint_open(), whose failures name the file, and px_model_create(), whose USAGE does not.
 */
int px_model_load(struct px_model **out, const char *path, enum px_dtype dtype,
                  struct px_error *err);

/* Adds a reference, and drops one; the last one dropped destroys the model. */
struct px_model *px_model_ref(struct px_model *model);
void px_model_unref(struct px_model *model); /* accepts NULL */

const struct px_checkpoint *px_model_checkpoint(const struct px_model *model);
const struct px_network *px_model_network(const struct px_model *model);
enum px_dtype px_model_dtype(const struct px_model *model); /* what AUTO became */

/* Bytes of the weights packed so far, of all algorithms; the mapped file is not counted. */
size_t px_model_memory(struct px_model *model);

/* INVALID with a remedy if `mode` needs running statistics that the checkpoint does not have. */
int px_model_check_norm(const struct px_model *model, enum px_norm_mode mode, struct px_error *err);

#endif
