#ifndef MODEL_LAYOUT_H
#define MODEL_LAYOUT_H

/* Where a plan's pictures lie: for every layer what its convolution reads and gives, as offsets
 * into one arena. Private to the plan. */

#include <stdbool.h>
#include <stddef.h>

#include "model/plan.h"

struct px_place {
    struct px_grid in, result; /* without data */
    size_t in_at, result_at;   /* offsets of the data, multiples of 64 */
};

struct px_layout {
    struct px_place places[PX_MAX_LAYERS];
    size_t work_at; /* of the statistics; one layer at a time */
    size_t size;    /* of the arena */
};

/* False where a size does not fit a size_t. */
bool px_layout_make(struct px_layout *layout, const struct px_plan_desc *desc);

/* True where a layer is normalised by the statistics of each picture. */
bool px_layout_statistics(const struct px_plan_desc *desc, int layer);

#endif
