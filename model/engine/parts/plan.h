#ifndef MODEL_ENGINE_PARTS_PLAN_H
#define MODEL_ENGINE_PARTS_PLAN_H

/* A generator for one batch size and size of pictures: its convolutions, and one arena for
 * everything that flows between them. Created by and for one thread and its px_dnn; running it
 * allocates nothing. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/dnn/conv.h"
#include "model/engine/layer_times.h"
#include "model/engine/observer.h"
#include "model/engine/parts/layout.h"

struct px_plan;

/* Bytes of the arena of such a plan; false if the number does not fit a size_t. */
bool px_plan_memory(const struct px_plan_desc *desc, size_t *bytes);

/* NOMEM, INTERNAL if oneDNN refuses, or as px_pack_get(). */
int px_plan_create(struct px_plan **out, struct px_dnn *dnn, const struct px_plan_desc *desc,
                   struct px_error *err);
void px_plan_destroy(struct px_plan *plan); /* accepts NULL */

/* What a run reports to. */
struct px_plan_watch {
    struct px_layer_times *times;       /* filled, or NULL */
    const struct px_observer *observer; /* or NULL */
};

/* The batch has the plan's shape. INTERRUPTED if batch->stop() said so. */
int px_plan_run(struct px_plan *plan, const struct px_batch *batch,
                const struct px_plan_watch *watch, struct px_error *err);

#endif
