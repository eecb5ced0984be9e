#ifndef MODEL_ENGINE_CAPACITY_H
#define MODEL_ENGINE_CAPACITY_H

/* What a plan for pictures of some size takes, before it is made: for callers that must refuse a
 * picture from its header alone, and say which size would fit. */

#include <stddef.h>

#include "base/error.h"
#include "model/engine/batch.h"
#include "model/engine/model.h"

/* What an engine keeps. */
struct px_capacity {
    int threads;
    size_t limit; /* bytes */
};

/* Bytes of the plan that an engine with `threads` threads makes, without the scratchpad of the
 * convolutions (a few megabytes a thread for large networks); SIZE_MAX if the number does not fit.
 */
size_t px_capacity_needed(struct px_model *model, int threads, const struct px_shape *shape);

/* Bytes that the model's weights will take once they are packed for pictures of its own size, for
 * each norm mode that the model has: more than the parameters do where running statistics are
 * folded into a second pack, or convolutions are Winograd's. */
size_t px_capacity_weights(struct px_model *model);

/* Writes the refusal of a picture or batch that needs more than the limit: UNPROCESSABLE, with both
 * numbers and the largest size of the same proportions that fits. `scratch`: what oneDNN needs in
 * addition; 0 if unknown. */
int px_capacity_refuse(struct px_model *model, const struct px_capacity *capacity,
                       const struct px_shape *shape, size_t scratch, struct px_error *err);

/* 0, or that refusal. What passes may still fail in px_engine_run() because of the scratchpad. */
int px_capacity_check(struct px_model *model, const struct px_capacity *capacity,
                      const struct px_shape *shape, struct px_error *err);

#endif
