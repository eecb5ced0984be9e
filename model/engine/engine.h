#ifndef MODEL_ENGINE_ENGINE_H
#define MODEL_ENGINE_ENGINE_H

/* Pixels -> pixels on the CPU.
 *
 * px_engine is one worker's workspace: its team of threads, and a plan (primitives and one arena)
 * for every (model, batch, size, norm mode) that it has run recently; the least recently used go
 * first when the memory limit is reached. It serves one thread only: the one that created it.
 * Running a shape that is planned allocates nothing.
 *
 * The answer to a picture does not depend on the others in its batch: normalisation is per picture,
 * dropout is drawn by (seed, layer, position), and a layer's algorithm depends on its shape only.
 */

#include <stddef.h>

#include "base/error.h"
#include "model/engine/batch.h"
#include "model/engine/model.h"

struct px_engine;
struct px_layer_times; /* model/engine/layer_times.h */
struct px_observer;    /* model/engine/observer.h */

struct px_engine_options {
    int threads;   /* OpenMP team of this engine; 0: px_cpu_count() */
    int first_cpu; /* index into the process's affinity mask of the CPU that the team's first thread
                      is pinned to; the next threads take the next CPUs, around the mask; -1: do not
                      pin */
    size_t memory_limit; /* bytes of plans and scratchpad kept; 0: 512 MiB */
};

int px_engine_create(struct px_engine **out, const struct px_engine_options *options,
                     struct px_error *err);
void px_engine_destroy(struct px_engine *engine); /* accepts NULL */

/* Runs the batch. 8-bit pictures: v / 127.5 - 1, the network, (tanh + 1) * 127.5 truncated; floats
 * go in and come out as they are. Failures: INVALID (size, norm mode), UNPROCESSABLE (a plan does
 * not fit memory_limit: the message gives both numbers), NOMEM, INTERRUPTED (batch->stop), IO
 * (weights were still to be read, and the model's file was modified). */
int px_engine_run(struct px_engine *engine, struct px_model *model, const struct px_batch *batch,
                  struct px_error *err);

/* Makes the plan that a run of such a batch needs and packs its weights; reads and writes no
 * pictures. Failures as above. */
int px_engine_prepare(struct px_engine *engine, struct px_model *model,
                      const struct px_batch *batch, struct px_error *err);

/* Sets the memory limit; plans that are over it go, those used least recently first. 0: all of
 * them. On the engine's thread. NOMEM: there is no memory for an empty workspace. */
int px_engine_limit(struct px_engine *engine, size_t bytes, struct px_error *err);

/* Every later run fills *times, which is borrowed; NULL, the initial state, turns it off. */
void px_engine_profile(struct px_engine *engine, struct px_layer_times *times);

/* Every later run calls *observer, which is borrowed, with the input of each convolution; NULL, the
 * initial state, turns it off. */
void px_engine_observe(struct px_engine *engine, const struct px_observer *observer);

/* Drops all plans for a model, and the references to it. */
void px_engine_forget(struct px_engine *engine, const struct px_model *model);

/* Bytes that the plans of this engine and oneDNN's scratchpad hold now; never above the limit. */
size_t px_engine_memory(const struct px_engine *engine);

#endif
