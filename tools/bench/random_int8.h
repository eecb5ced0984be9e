#ifndef TOOLS_BENCH_RANDOM_INT8_H
#define TOOLS_BENCH_RANDOM_INT8_H

/* The int8 twin of an untrained checkpoint: what its layers read is measured on one
 * picture of noise, and every layer that can be int8 is, however much that harms. For timing. */

#include "base/error.h"
#include "model/engine/engine.h"

/* From checkpoint file to checkpoint file; the picture is side x side. Starts no threads. Failures:
 * those of px_engine_run() and px_checkpoint_store(). */
int px_random_int8_save(const char *path, const char *from, int side, enum px_norm_mode norm,
                        struct px_error *err);

#endif
