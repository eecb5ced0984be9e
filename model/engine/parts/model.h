#ifndef MODEL_ENGINE_PARTS_MODEL_H
#define MODEL_ENGINE_PARTS_MODEL_H

/* What the engine needs of a px_model beyond its public face in model/engine/engine.h. */

#include "model/engine/capacity.h"
#include "model/engine/engine.h"
#include "model/engine/parts/plan.h"

/* The plan of that shape for an engine of so many threads; it borrows from the model. */
struct px_plan_desc px_model_plan(struct px_model *model, const struct px_shape *shape,
                                  int threads);

#endif
