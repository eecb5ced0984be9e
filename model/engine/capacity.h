#ifndef MODEL_ENGINE_CAPACITY_H
#define MODEL_ENGINE_CAPACITY_H

/* What a plan for pictures of some size takes, before it is made: for whoever must refuse a picture
 * while it is only a header, and say what would do. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/engine/engine.h"

struct px_shape {
    int n, height, width; /* of a batch; the sides as px_batch's */
    bool running;         /* norm by running statistics, folded into the weights */
};

/* Bytes of the plan that an engine of so many threads makes, without oneDNN's scratchpad (a few
 * hundred kilobytes for the U-Nets); SIZE_MAX where the number does not fit. */
size_t px_capacity_needed(struct px_model *model, int threads, const struct px_shape *shape);

/* What an engine keeps. */
struct px_capacity {
    int threads;
    size_t limit; /* bytes */
};

/* Writes the refusal of a picture or batch that needs more than the limit: NOMEM, with both numbers
 * and the largest size of the same proportions that fits. `scratch`: what oneDNN needs besides; 0
 * where it is not known yet. */
int px_capacity_refuse(struct px_model *model, const struct px_capacity *room,
                       const struct px_shape *shape, size_t scratch, struct px_error *err);

/* 0, or that refusal. What passes may still fail in px_engine_run() by the size of the scratchpad.
 */
int px_capacity_check(struct px_model *model, const struct px_capacity *room,
                      const struct px_shape *shape, struct px_error *err);

#endif
