#ifndef MODEL_INT8_EMULATE_H
#define MODEL_INT8_EMULATE_H

/* What int8 gives, computed in f32, on any CPU.
 *
 * In f32 a model of an int8 checkpoint computes with the weights that its int8 ones stand for. Here
 * what each quantised layer reads is rounded to the levels of model/checkpoint/quantise.h besides,
 * in f32: then each product is that of the whole numbers times both scales, and a convolution gives
 * what int8 gives up to f32's rounding of the sum. Between layers numbers stay f32 where the engine
 * may keep bf16. */

#include "base/error.h"
#include "model/engine/engine.h"

struct px_emulation;

/* Takes the checkpoint, which may be int8 or not, over on success. Runs on the thread that creates
 * it and a team of `threads` (0: all CPUs of the process's mask). */
int px_emulation_create(struct px_emulation **out, struct px_checkpoint *checkpoint, int threads,
                        struct px_error *err);
void px_emulation_destroy(struct px_emulation *emulation); /* accepts NULL */

/* px_engine_run(). */
int px_emulation_run(struct px_emulation *emulation, const struct px_batch *batch,
                     struct px_error *err);

#endif
