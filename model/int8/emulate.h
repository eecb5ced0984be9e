#ifndef MODEL_INT8_EMULATE_H
#define MODEL_INT8_EMULATE_H

/* The answers of an int8 checkpoint, computed in f32, on any CPU.
 *
 * In f32 a model of an int8 checkpoint computes with dequantised weights. Here what each
 * quantised layer reads is rounded to the levels of model/checkpoint/quantise.h besides,
 * in f32: then each product is that of the whole numbers times both scales, and a convolution gives
 * what int8 gives up to f32's rounding of the sum. Between layers numbers stay f32, for which
 * the engine may use bf16. */

#include "base/error.h"
#include "model/engine/engine.h"

struct px_emulation;

/* Takes ownership of the checkpoint, int8 or not, on success. Runs on the thread that creates
 * it and a team of `threads` (0: all CPUs of the process's mask). */
int px_emulation_create(struct px_emulation **out, struct px_checkpoint *checkpoint, int threads,
                        struct px_error *err);
void px_emulation_destroy(struct px_emulation *emulation); /* accepts NULL */

/* As px_engine_run(). */
int px_emulation_run(struct px_emulation *emulation, const struct px_batch *batch,
                     struct px_error *err);

#endif
