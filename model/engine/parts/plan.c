#include "model/engine/parts/plan.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "model/engine/algorithm.h"
#include "model/engine/parts/taps.h"

struct step { /* one layer of the network */
    struct px_conv *conv;
    bool backward, activates;        /* the convolution */
    int at_once;                     /* pictures, of PX_ALGORITHM_TAPS; else 0 */
    const struct px_packed *packed;  /* owned by the pack */
    struct px_grid in, result, kept; /* as in px_place, with data */
    int pictures, group, joined;     /* as in px_place */
};

/* The data's way: the picture into the first layer's input, then in each layer by the convolution
 * into its result, and from there by one pass into the next layer's input, if it is not there
 * already. */
struct px_plan {
    struct px_plan_desc desc;
    struct step steps[PX_MAX_LAYERS];
    char *arena;
    float *work; /* of the statistics; one layer at a time */
};

bool px_plan_memory(const struct px_plan_desc *desc, size_t *bytes)
{
    struct px_layout layout;

    if (!px_layout_make(&layout, desc))
        return false;
    *bytes = layout.size;
    return true;
}

/* Points every step at its buffers. */
static int make_arena(struct px_plan *plan, const struct px_layout *layout, struct px_error *err)
{
    plan->arena = px_large_alloc(layout->size);
    if (!plan->arena)
        return px_fail(err, PX_E_NOMEM, "no memory for a batch of %d pictures of %dx%d",
                       plan->desc.shape.n, plan->desc.shape.width, plan->desc.shape.height);
    memset(plan->arena, 0, layout->size); /* touched now, not in the first run */
    plan->work = (float *)(void *)(plan->arena + layout->work_at);
    for (int i = 0; i < plan->desc.network->layer_count; i++) {
        const struct px_place *place = &layout->places[i];
        struct step *step = &plan->steps[i];

        step->in = place->in;
        step->in.data = plan->arena + place->in_at;
        step->result = place->result;
        step->result.data = plan->arena + place->result_at;
        step->kept = place->kept;
        step->kept.data = plan->arena + place->kept_at;
        step->pictures = place->pictures;
        step->group = place->group;
        step->joined = place->joined;
    }
    return 0;
}

/* The convolution of a layer. It activates its result for the next layer if nothing else comes
 * between them; if that one also joins it as a skip, its ReLU is the same after a leaky one. */
static struct px_conv_desc conv_of(const struct px_plan_desc *d, int i, const struct px_place *at)
{
    const struct px_layer *layer = &d->network->layers[i];
    struct px_conv_desc conv = px_algorithm_conv(layer, &at->in, &at->result);
    bool last = i == d->network->layer_count - 1;

    conv.bias = px_pack_has_bias(d->network, i, d->shape.running);
    conv.relu = !last && px_algorithm_has_bias(px_algorithm_of(layer)) && layer->residual < 0 &&
                layer[1].slope != 1.0f && !px_layout_statistics(d, i);
    conv.slope = conv.relu ? layer[1].slope : 0.0f;
    return conv;
}

/* PX_ALGORITHM_TAPS: of oneDNN's kernels only those made of brgemm add in the same order however
 * many pixels there are; others get one picture at a time. */
static bool depends_on_count(const struct px_conv *conv)
{
    return !strstr(px_conv_implementation(conv), "brg");
}

/* px_pack_get(). If the file was overwritten, and the weights are packed for squares of another
 * side only (px_conv_winograd(), which goes by the picture's size), that one serves as well. */
static int find_weights(const struct px_plan_desc *d, int i, struct px_dnn *dnn,
                        struct px_conv_desc *desc, struct step *step, struct px_error *err)
{
    static const int sides[] = {0, 2, 3, 4};
    int rc = px_pack_get(d->pack, i, d->shape.running, step->conv, &step->packed, err);

    for (size_t j = 0; rc == -PX_E_IO && j < sizeof sides / sizeof *sides; j++) {
        struct px_conv *other = NULL;

        desc->winograd = sides[j];
        if (px_conv_create(&other, dnn, desc, NULL) < 0)
            continue;
        if (px_pack_get(d->pack, i, d->shape.running, other, &step->packed, NULL) < 0) {
            px_conv_destroy(other);
            continue;
        }
        px_conv_destroy(step->conv);
        step->conv = other;
        rc = 0;
    }
    return rc;
}

static int make_step(struct px_plan *plan, int i, struct px_dnn *dnn, const struct px_place *place,
                     struct px_error *err)
{
    const struct px_plan_desc *d = &plan->desc;
    const struct px_layer *layer = &d->network->layers[i];
    struct px_conv_desc conv = conv_of(d, i, place);
    struct step *step = &plan->steps[i];

    step->backward = conv.pass == PX_CONV_BACKWARD_DATA;
    step->activates = conv.relu;
    int rc = px_conv_create(&step->conv, dnn, &conv, err);
    if (px_algorithm_of(layer) == PX_ALGORITHM_TAPS)
        step->at_once = px_algorithm_at_once(layer, &place->result);
    if (!rc && step->at_once > 1 && depends_on_count(step->conv)) {
        struct px_place alone = *place;

        alone.result.n = step->at_once = 1;
        conv = conv_of(d, i, &alone);
        px_conv_destroy(step->conv);
        step->conv = NULL;
        rc = px_conv_create(&step->conv, dnn, &conv, err);
    }
    return rc ? rc : find_weights(d, i, dnn, &conv, step, err);
}

int px_plan_create(struct px_plan **out, struct px_dnn *dnn, const struct px_plan_desc *desc,
                   struct px_error *err)
{
    struct px_plan *plan = calloc(1, sizeof *plan);
    struct px_layout layout;
    int rc = 0;

    if (!plan || !px_layout_make(&layout, desc)) {
        free(plan);
        return px_fail(err, PX_E_NOMEM, "no memory for a plan");
    }
    plan->desc = *desc;
    omp_set_num_threads(desc->threads); /* captured by the primitives */
    for (int i = 0; !rc && i < desc->network->layer_count; i++)
        rc = make_step(plan, i, dnn, &layout.places[i], err);
    if (!rc)
        rc = make_arena(plan, &layout, err);
    if (rc) {
        px_plan_destroy(plan);
        return rc;
    }
    *out = plan;
    return 0;
}

void px_plan_destroy(struct px_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < PX_MAX_LAYERS; i++)
        px_conv_destroy(plan->steps[i].conv);
    free(plan->arena);
    free(plan);
}

/* Some pictures in one layer. */
struct turn {
    const struct px_batch *batch;
    const struct px_observer *observer; /* or NULL */
    int layer, first, n;                /* pictures first .. first + n - 1 */
};

/* These pictures of a grid, which may have room for no more. */
static struct px_grid of_turn(const struct px_grid *grid, const struct turn *t)
{
    return px_grid_slice(grid, grid->n > t->n ? t->first : 0, t->n);
}

/* PX_ALGORITHM_TAPS: some pictures at a time, through the plan's work memory. */
static int convolve_taps(const struct px_plan *plan, const struct step *step,
                         const struct px_conv_buffers *all, const struct px_grid *result,
                         struct px_error *err)
{
    struct px_conv_buffers some = *all;
    size_t each = px_grid_bytes(&step->in) / (size_t)step->in.n;
    int rc = 0;

    assert(result->n % step->at_once == 0);
    some.dst = plan->work;
    for (int first = 0; !rc && first < result->n; first += step->at_once) {
        struct px_grid to = px_grid_slice(result, first, step->at_once);

        some.src = (char *)all->src + each * (size_t)first;
        rc = px_conv_run(step->conv, &some, err);
        if (!rc)
            px_taps_sum(plan->work, &to, plan->desc.threads);
    }
    return rc;
}

static int convolve(const struct px_plan *plan, const struct turn *t, struct px_error *err)
{
    const struct px_observer *observer = t->observer;
    const struct step *step = &plan->steps[t->layer];
    struct px_grid in = of_turn(&step->in, t), result = of_turn(&step->result, t);
    struct px_conv_buffers buffers = {.src = in.data,
                                      .weights = step->packed->weights,
                                      .bias = step->packed->bias,
                                      .scale = step->packed->scale,
                                      .dst = result.data};

    if (observer) {
        void *instead = observer->see(observer->context, t->layer, &in);
        if (instead)
            buffers.src = instead;
    }
    assert(result.n == t->n && in.n == t->n);
    if (step->backward) {
        buffers.dst = buffers.src;
        buffers.src = result.data;
    }
    if (step->at_once > 0)
        return convolve_taps(plan, step, &buffers, &result, err);
    return px_conv_run(step->conv, &buffers, err);
}

/* What later layers read of the input of layer i. */
static struct px_grid for_later(const struct px_plan *plan, int i, const struct turn *t)
{
    const struct step *step = &plan->steps[i];

    return of_turn(step->kept.channels > 0 ? &step->kept : &step->in, t);
}

/* A grid that the layer's result goes to, activated for layer `reader`. Where a skip comes along
 * that is to be activated too, another ReLU does nothing to what had one. */
static struct px_target target(const struct px_plan *plan, const struct px_grid *grid,
                               const struct turn *t, int reader)
{
    const struct px_layer *to = &plan->desc.network->layers[reader];
    bool activated = plan->steps[t->layer].activates && reader == t->layer + 1 && to->skip < 0;

    return (struct px_target){.grid = of_turn(grid, t),
                              .slope = activated ? 1.0f : to->slope,
                              .inverse = plan->steps[reader].packed->inverse};
}

/* From the result of the layer, with what is joined or added to it, to the next layer's input and
 * what is kept of that. */
static void feed(const struct px_plan *plan, const struct turn *t, const struct px_norm_pass *norm)
{
    const struct px_layer *layer = &plan->desc.network->layers[t->layer];
    const struct step *step = &plan->steps[t->layer];
    struct px_grid result = of_turn(&step->result, t), skip, more;
    struct px_feed_pass feed = {.layer = t->layer,
                                .next = target(plan, &step[1].in, t, t->layer + 1)};
    struct px_target kept;

    if (step[1].kept.channels > 0) {
        kept = target(plan, &step[1].kept, t, step[1].joined < 0 ? t->layer + 1 : step[1].joined);
        feed.kept = &kept;
    }
    if (layer[1].skip >= 0) {
        skip = for_later(plan, layer[1].skip + 1, t);
        feed.skip = &skip;
    }
    if (layer->residual >= 0) {
        more = for_later(plan, layer->residual, t);
        feed.more = &more;
    }
    if (layer->has_dropout && t->batch->dropout) {
        feed.dropout = t->batch->dropout + t->first;
        feed.seeds = t->batch->seeds + t->first;
    }
    if (result.data != feed.next.grid.data || norm || feed.dropout || feed.next.slope != 1.0f)
        px_pass_feed(&result, norm, &feed, plan->desc.threads);
}

/* The last layer's result into the pictures. */
static void finish(const struct px_plan *plan, const struct turn *t)
{
    struct px_grid result = of_turn(&plan->steps[t->layer].result, t);
    struct px_batch some = *t->batch;

    some.n = t->n;
    if (some.out)
        some.out += t->first;
    if (some.out_f32)
        some.out_f32 += t->first;
    px_pass_out(&result, &some, plan->desc.threads);
}

static int take_turn(const struct px_plan *plan, const struct turn *t,
                     struct px_layer_profile *times, struct px_error *err)
{
    const struct px_packed *packed = plan->steps[t->layer].packed;
    struct px_norm_pass norm = {packed->gamma, packed->beta, plan->work, packed->mean};
    int64_t mark = px_now_ns();
    int rc = convolve(plan, t, err);
    if (rc)
        return rc;
    px_layer_times_lap(&mark, &times->convolution_ns);
    if (norm.gamma && !norm.mean) {
        struct px_grid result = of_turn(&plan->steps[t->layer].result, t);
        px_pass_statistics(&result, &norm, plan->desc.threads);
    }
    px_layer_times_lap(&mark, &times->statistics_ns);
    if (t->layer == plan->desc.network->layer_count - 1)
        finish(plan, t);
    else
        feed(plan, t, norm.gamma ? &norm : NULL);
    px_layer_times_lap(&mark, &times->pass_ns);
    return 0;
}

/* What a profile says about layer i beside its times. */
static void describe(const struct px_plan *plan, int i, struct px_layer_profile *profile)
{
    const struct step *step = &plan->steps[i];

    struct px_conv_work work = px_conv_work_of(step->conv);

    profile->dtype = step->in.dtype;
    profile->gflop = work.gflop * plan->desc.shape.n / step->pictures;
    profile->weight_bytes = work.weight_bytes;
    profile->algorithm = px_algorithm_name(px_algorithm_of(&plan->desc.network->layers[i]));
    profile->implementation = px_conv_implementation(step->conv);
}

/* All pictures through layers turn->layer to `end` - 1, a group. */
static int run_group(const struct px_plan *plan, const struct turn *begin, int end,
                     struct px_layer_profile *times, struct px_error *err)
{
    struct turn turn = *begin;
    int rc = 0;

    turn.n = plan->steps[begin->layer].pictures;
    for (; !rc && turn.first < plan->desc.shape.n; turn.first += turn.n)
        for (turn.layer = begin->layer; !rc && turn.layer < end; turn.layer++)
            rc = take_turn(plan, &turn, &times[turn.layer], err);
    return rc;
}

int px_plan_run(struct px_plan *plan, const struct px_batch *batch,
                const struct px_plan_watch *watch, struct px_error *err)
{
    const struct px_plan_desc *d = &plan->desc;
    struct turn turn = {.batch = batch, .observer = watch->observer};
    struct px_layer_times unread, *times = watch->times ? watch->times : &unread;
    int64_t mark = px_now_ns();
    int rc = 0;

    assert(batch->n == d->shape.n && batch->height == d->shape.height &&
           batch->width == d->shape.width);
    *times = (struct px_layer_times){0};
    px_pass_in(batch, &plan->steps[0].in, d->threads);
    px_layer_times_lap(&mark, &times->in_ns);
    for (int end; !rc && turn.layer < d->network->layer_count; turn.layer = end) {
        for (end = turn.layer + 1; end < d->network->layer_count; end++)
            if (plan->steps[end].group != plan->steps[turn.layer].group)
                break;
        rc = batch->stop && batch->stop(batch->stop_context)
                 ? px_fail(err, PX_E_INTERRUPTED, "stopped before layer %d", turn.layer)
                 : run_group(plan, &turn, end, times->layers, err);
    }
    for (int i = 0; i < d->network->layer_count && watch->times; i++)
        describe(plan, i, &times->layers[i]);
    return rc;
}
