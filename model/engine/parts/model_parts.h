#ifndef MODEL_ENGINE_PARTS_MODEL_PARTS_H
#define MODEL_ENGINE_PARTS_MODEL_PARTS_H

/* What the engine needs of a px_model beyond its public face in model/engine/model.h. */

#include "model/engine/batch.h"
#include "model/engine/model.h"
#include "model/engine/parts/layout.h"

/* The plan for `shape` on an engine with `threads` threads; it borrows from the model. */
struct px_plan_desc px_model_plan(struct px_model *model, const struct px_shape *shape,
                                  int threads);

#endif
