#ifndef TESTS_MODEL_ENGINE_ENGINES_H
#define TESTS_MODEL_ENGINE_ENGINES_H

/* What tests of the engine run: generators with random weights, coloured noise, and engines that
 * must not fail. Everything fails the test where it goes wrong. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/engine/engine.h"

/* Where models are written; the group's set-up and tear-down. */
extern char engines_path[];
int engines_begin(void **state);
int engines_end(void **state);

extern const struct px_network_options engines_small; /* unet_64, ngf 8 */

/* An engine that pins nothing. memory_limit 0: none. */
struct px_engine *engines_start(int threads, size_t memory_limit);

/* PLAIN weights, or int8 layers: all that can be, or all but every third. */
enum weights { PLAIN, INT8, MIXED };

/* The generator at engines_path, written anew. running: it has running statistics. */
struct px_model *engines_load(const struct px_network_options *options, enum px_dtype dtype,
                              bool running);
struct px_model *engines_load_as(const struct px_network_options *options, enum px_dtype dtype,
                                 enum weights weights);

/* Pictures of up to 256x256, three channels in and out, with memory for the answers. Every second
 * has dropout. */
enum { MOST_PICTURES = 5 };
struct pictures {
    uint8_t in[MOST_PICTURES][256 * 256 * 3], out[MOST_PICTURES][256 * 256 * 3];
    const uint8_t *ins[MOST_PICTURES];
    uint8_t *outs[MOST_PICTURES];
    bool dropout[MOST_PICTURES];
    uint64_t seeds[MOST_PICTURES];
};

struct pictures *pictures_draw(void); /* to be freed */
struct px_batch pictures_batch(struct pictures *p, int first, int n, int size);

void engines_run(struct px_engine *engine, struct px_model *model, const struct px_batch *batch);

#endif
