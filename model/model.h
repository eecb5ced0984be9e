#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

/* What the engine needs of a px_model beyond its public face in model/engine.h. */

#include "model/engine.h"
#include "model/pack.h"

struct px_pack *px_model_pack(struct px_model *model);

#endif
