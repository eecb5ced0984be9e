#ifndef MODEL_ENGINE_ENGINE_H
#define MODEL_ENGINE_ENGINE_H

/* Pixels -> pixels on the CPU.
 *
 * px_model: a checkpoint and its weights packed for one arithmetic type. Immutable to callers,
 * reference-counted, shared by all workers; packing happens on first use of an algorithm and is
 * internally locked.
 *
 * px_engine: one worker's workspace: its thread team, and a plan (primitives and one arena) for
 * every (model, batch, size, norm mode) it has run lately, least recently used out within the
 * memory limit. One engine serves one thread at a time: the thread that created it. Running a shape
 * that is planned allocates nothing.
 *
 * The answer for an image does not depend on who shares its batch: normalisation is per image,
 * dropout is drawn by (seed, layer, position), and a layer's algorithm depends on its shape only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/checkpoint/checkpoint.h"

struct px_model;

/* dtype: AUTO, F32, BF16 or S8. Int8 needs a checkpoint with quantised layers; its other layers run
 * in bf16 where px_cpu_is_fast_in_bf16(), else in f32. F32 and BF16 take the weights that quantised
 * ones stand for. AUTO is int8 where checkpoint and CPU allow it, else bf16 where that is fast,
 * else f32. USAGE: the CPU cannot do what is asked for, or the checkpoint is not int8. Takes
 * ownership of the checkpoint on success. */
int px_model_create(struct px_model **out, struct px_checkpoint *checkpoint, enum px_dtype dtype,
                    struct px_error *err);
/* px_checkpoint_open + px_model_create. */
int px_model_load(struct px_model **out, const char *path, enum px_dtype dtype,
                  struct px_error *err);
struct px_model *px_model_ref(struct px_model *model);
void px_model_unref(struct px_model *model); /* accepts NULL */
const struct px_checkpoint *px_model_checkpoint(const struct px_model *model);
const struct px_network *px_model_network(const struct px_model *model);
enum px_dtype px_model_dtype(const struct px_model *model); /* what AUTO became */
/* Bytes of the weights packed so far, of all algorithms; the mapped file is not counted. */
size_t px_model_memory(struct px_model *model);
/* INVALID with a remedy where the checkpoint has no running statistics for `mode`. */
int px_model_check_norm(const struct px_model *model, enum px_norm_mode mode, struct px_error *err);

struct px_engine;
struct px_layer_times; /* model/engine/layer_times.h */
struct px_observer;    /* model/engine/observer.h */

struct px_engine_options {
    int threads;   /* OpenMP team of this engine; 0: all CPUs of the process's mask */
    int first_cpu; /* index into the process's mask of the CPU to pin the team's first thread to;
                      the next threads take the next CPUs, around the mask; -1: do not pin */
    size_t memory_limit; /* bytes of plans and scratchpad kept; 0: 512 MiB */
};

int px_engine_create(struct px_engine **out, const struct px_engine_options *options,
                     struct px_error *err);
void px_engine_destroy(struct px_engine *engine); /* accepts NULL */

/* n images of the same size through the generator. */
struct px_batch {
    int n;
    int height, width; /* multiples of px_network_multiple() from px_network_min_side() on */
    enum px_norm_mode norm;
    const uint8_t *const *in; /* n pictures, interleaved, input_nc channels, 0..255 */
    uint8_t *const *out;      /* n pictures, interleaved, output_nc channels */
    const bool *dropout;      /* per image: on or off; NULL: off for all */
    const uint64_t *seeds;    /* per image, read where dropout is on */
};

/* Runs the batch: 8-bit v -> v/127.5-1, the network, (tanh + 1) * 127.5 truncated to 8 bits.
 * Failures: INVALID (size, norm mode), NOMEM (a plan does not fit memory_limit: the message gives
 * both numbers), IO (weights were still to be read, and the model's file was written to). */
int px_engine_run(struct px_engine *engine, struct px_model *model, const struct px_batch *batch,
                  struct px_error *err);

/* The same with floats: in[i] has height*width*input_nc floats, interleaved, in [-1, 1]; out
 * likewise the values after tanh. For tests, calibration and golden files. */
struct px_batch_f32 {
    int n;
    int height, width;
    enum px_norm_mode norm;
    const float *const *in;
    float *const *out;
    const bool *dropout;
    const uint64_t *seeds;
};
int px_engine_run_f32(struct px_engine *engine, struct px_model *model,
                      const struct px_batch_f32 *batch, struct px_error *err);

/* Every run from now on fills *profile, which is borrowed; NULL (as at the beginning): none. */
void px_engine_profile(struct px_engine *engine, struct px_layer_times *profile);

/* Every run from now on shows *observer, which is borrowed, what its convolutions read; NULL (as at
 * the beginning): no one. */
void px_engine_observe(struct px_engine *engine, const struct px_observer *observer);

/* Bytes that the plans of this engine and oneDNN's scratchpad hold now; never above the limit. */
size_t px_engine_memory(const struct px_engine *engine);

#endif
