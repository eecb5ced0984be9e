#include "model/engine/capacity.h"

#include <stdint.h>
#include <stdio.h>

#include "model/engine/algorithm.h"
#include "model/engine/parts/layout.h"
#include "model/engine/parts/model_parts.h"
#include "model/engine/parts/pack.h"
#include "model/engine/parts/plan.h"

static const size_t MIB = (size_t)1 << 20;

size_t px_capacity_needed(struct px_model *model, int threads, const struct px_shape *shape)
{
    const struct px_plan_desc desc = px_model_plan(model, shape, threads);
    size_t bytes;

    return px_plan_memory(&desc, &bytes) ? bytes : SIZE_MAX;
}

size_t px_capacity_weights(struct px_model *model)
{
    int side = px_model_network(model)->crop_size;
    const struct px_shape shape = {.n = 1, .height = side, .width = side};
    const struct px_plan_desc desc = px_model_plan(model, &shape, 1);
    bool running = px_model_check_norm(model, PX_TEST_RUNNING, NULL) == 0;
    struct px_layout layout;
    size_t bytes = 0;

    if (!px_layout_make(&layout, &desc))
        return SIZE_MAX;
    for (int i = 0; i < desc.network->layer_count; i++) {
        const struct px_place *at = &layout.places[i];
        const struct px_conv_desc conv =
            px_algorithm_conv(&desc.network->layers[i], &at->in, &at->result);
        size_t once = px_conv_weights_expected(&conv);
        bytes += px_pack_folds(desc.network, i, running) ? 2 * once : once;
    }
    return bytes;
}

/* The shape whose longer side is `step` multiples of what the network needs. */
static struct px_shape scaled(const struct px_network *network, const struct px_shape *shape,
                              int step)
{
    int multiple = px_network_multiple(network), least = px_network_min_side(network);
    int longer = shape->height > shape->width ? shape->height : shape->width;
    struct px_shape out = *shape;

    least = (least + multiple - 1) / multiple * multiple;
    out.height = (int)((int64_t)shape->height * step / longer) * multiple;
    out.width = (int)((int64_t)shape->width * step / longer) * multiple;
    out.height = out.height > least ? out.height : least;
    out.width = out.width > least ? out.width : least;
    return out;
}

/* The largest shape of the same proportions that fits; false where none does. */
static bool largest(struct px_model *model, const struct px_capacity *capacity,
                    const struct px_shape *shape, size_t scratch, struct px_shape *out)
{
    const struct px_network *network = px_model_network(model);
    int longer = shape->height > shape->width ? shape->height : shape->width;
    int fits = 0, above = longer / px_network_multiple(network) + 1;

    while (above - fits > 1) {
        int step = fits + (above - fits) / 2;
        *out = scaled(network, shape, step);
        size_t needed = px_capacity_needed(model, capacity->threads, out);
        if (needed <= capacity->limit && scratch <= capacity->limit - needed)
            fits = step;
        else
            above = step;
    }
    *out = scaled(network, shape, fits);
    return fits > 0;
}

int px_capacity_refuse(struct px_model *model, const struct px_capacity *capacity,
                       const struct px_shape *shape, size_t scratch, struct px_error *err)
{
    size_t needed = px_capacity_needed(model, capacity->threads, shape);
    /* Not known is not none. */
    size_t reserve = scratch > 0 ? scratch : MIB + capacity->limit / 64;
    char remedy[64] = "raise the limit";
    struct px_shape best;

    if (largest(model, capacity, shape, reserve, &best))
        snprintf(remedy, sizeof remedy, "send at most %dx%d or raise the limit", best.width,
                 best.height);
    needed = needed > SIZE_MAX - scratch ? SIZE_MAX : needed + scratch;
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "%d picture%s of %dx%d need%s %zu MiB, the memory limit is %zu MiB: %s",
                   shape->n, shape->n > 1 ? "s" : "", shape->width, shape->height,
                   shape->n > 1 ? "" : "s", needed / MIB + (needed % MIB != 0),
                   capacity->limit / MIB, remedy);
}

int px_capacity_check(struct px_model *model, const struct px_capacity *capacity,
                      const struct px_shape *shape, struct px_error *err)
{
    if (px_capacity_needed(model, capacity->threads, shape) <= capacity->limit)
        return 0;
    return px_capacity_refuse(model, capacity, shape, 0, err);
}
