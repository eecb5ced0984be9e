#ifndef MODEL_DNN_DNN_H
#define MODEL_DNN_DNN_H

/* A thread's handle on oneDNN: engine, stream, scratchpad and number of threads. It and everything
 * created with it serve one thread at a time, and never inside an OpenMP region, where oneDNN
 * deadlocks or gives wrong answers. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct px_dnn;

/* threads >= 1: sets the calling thread's OpenMP team size, which primitives capture when they are
 * created. NOMEM, or INTERNAL if oneDNN refuses. */
int px_dnn_create(struct px_dnn **out, int threads, struct px_error *err);
void px_dnn_destroy(struct px_dnn *dnn); /* accepts NULL */

/* Whether this CPU can run convolutions in bf16, forward and backward. They may still be slower
 * than in f32: px_cpu_is_fast_in_bf16(). */
bool px_dnn_has_bf16(void);

/* Bytes of the shared scratchpad: the most that any convolution created so far asked for. */
size_t px_dnn_scratch_size(const struct px_dnn *dnn);

#endif
