#include "model/plan.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "model/form.h"
#include "model/layout.h"

struct step { /* one layer of the network */
    struct px_conv *conv;
    bool backward, activates;       /* the convolution */
    const struct px_packed *packed; /* owned by the pack */
    struct px_grid in, result;      /* what the convolution reads and writes */
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
    plan->arena = aligned_alloc(64, layout->size);
    if (!plan->arena)
        return px_fail(err, PX_E_NOMEM, "no memory for a batch of %d pictures of %dx%d",
                       plan->desc.n, plan->desc.width, plan->desc.height);
    memset(plan->arena, 0, layout->size); /* touched now, not in the first run */
    plan->work = (float *)(void *)(plan->arena + layout->work_at);
    for (int i = 0; i < plan->desc.network->layer_count; i++) {
        const struct px_place *place = &layout->places[i];
        struct step *step = &plan->steps[i];

        step->in = place->in;
        step->in.data = plan->arena + place->in_at;
        step->result = place->result;
        step->result.data = plan->arena + place->result_at;
    }
    return 0;
}

/* The convolution of a layer. It activates its result for the next layer where nothing else comes
 * between them; where that one also joins it as a skip, its ReLU is the same after a leaky one. */
static struct px_conv_desc conv_of(const struct px_plan_desc *d, int i, const struct px_place *at)
{
    const struct px_layer *layer = &d->network->layers[i];
    struct px_conv_desc conv = px_form_conv(layer, &at->in, &at->result);
    bool last = i == d->network->layer_count - 1;

    conv.bias = px_pack_has_bias(d->network, i, d->running);
    conv.relu = !last && conv.pass == PX_CONV_FORWARD && layer->residual < 0 &&
                layer[1].slope != 1.0f && !px_layout_statistics(d, i);
    conv.slope = conv.relu ? layer[1].slope : 0.0f;
    return conv;
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
    for (int i = 0; !rc && i < desc->network->layer_count; i++) {
        struct px_conv_desc conv = conv_of(desc, i, &layout.places[i]);
        struct step *step = &plan->steps[i];

        step->backward = conv.pass == PX_CONV_BACKWARD_DATA;
        step->activates = conv.relu;
        rc = px_conv_create(&step->conv, dnn, &conv, err);
        if (!rc)
            rc = px_pack_get(desc->pack, i, desc->running, step->conv, &step->packed, err);
    }
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

/* From the result of layer i and the skip to the next layer's input. */
static void join(struct px_plan *plan, int i, const struct px_norm_pass *norm,
                 const struct px_plan_io *io)
{
    const struct px_layer *layer = &plan->desc.network->layers[i];
    const struct px_grid *skip = &plan->steps[layer[1].skip + 1].in;
    struct px_up_pass up = {.skip = skip->data,
                            .skip_channels = skip->channels,
                            .out = plan->steps[i + 1].in.data,
                            .layer = i};

    if (layer->has_dropout) {
        up.dropout = io->dropout;
        up.seeds = io->seeds;
    }
    px_pass_up(&plan->steps[i].result, norm, &up, plan->desc.threads);
}

/* From the result of layer i, with what is added to it, to the next layer's input. */
static void feed(struct px_plan *plan, int i, const struct px_norm_pass *norm,
                 const struct px_plan_io *io)
{
    const struct px_layer *layer = &plan->desc.network->layers[i];
    const struct step *step = &plan->steps[i];
    struct px_feed_pass feed = {
        .out = step[1].in, .slope = step->activates ? 1.0f : layer[1].slope, .layer = i};

    if (layer->residual >= 0)
        feed.more = &plan->steps[layer->residual].in;
    if (layer->has_dropout && io->dropout) {
        feed.dropout = io->dropout;
        feed.seeds = io->seeds;
    }
    if (step->result.data != feed.out.data || norm || feed.dropout || feed.slope != 1.0f)
        px_pass_feed(&step->result, norm, &feed, plan->desc.threads);
}

/* Picture i of a grid. */
static void *picture(const struct px_grid *g, int i)
{
    size_t each = px_grid_elements(g) / (size_t)g->n * px_dtype_size(g->dtype);

    return (char *)g->data + (size_t)i * each;
}

/* All pictures at once, or backward one by one. */
static int convolve(struct step *step, struct px_error *err)
{
    struct px_conv_buffers buffers = {.src = step->in.data,
                                      .weights = step->packed->weights,
                                      .bias = step->packed->bias,
                                      .dst = step->result.data};
    int rc = 0;

    if (!step->backward)
        return px_conv_run(step->conv, &buffers, err);
    for (int i = 0; !rc && i < step->in.n; i++) {
        buffers.src = picture(&step->result, i);
        buffers.dst = picture(&step->in, i);
        rc = px_conv_run(step->conv, &buffers, err);
    }
    return rc;
}

static int run_step(struct px_plan *plan, int i, const struct px_plan_io *io,
                    struct px_layer_profile *times, struct px_error *err)
{
    const struct px_network *network = plan->desc.network;
    struct step *step = &plan->steps[i];
    const struct px_packed *packed = step->packed;
    struct px_norm_pass norm = {packed->gamma, packed->beta, plan->work, packed->mean};
    int64_t mark = px_now_ns();
    int rc = convolve(step, err);

    if (rc)
        return rc;
    px_profile_lap(&mark, &times->convolution_ns);
    if (norm.gamma && !norm.mean)
        px_pass_statistics(&step->result, &norm, plan->desc.threads);
    px_profile_lap(&mark, &times->statistics_ns);
    if (i == network->layer_count - 1)
        px_pass_out(&step->result, &io->pictures, plan->desc.threads);
    else if (network->layers[i + 1].skip >= 0)
        join(plan, i, norm.gamma ? &norm : NULL, io);
    else
        feed(plan, i, norm.gamma ? &norm : NULL, io);
    px_profile_lap(&mark, &times->pass_ns);
    return 0;
}

/* What a profile says about layer i beside its times. */
static void describe(const struct px_plan *plan, int i, struct px_layer_profile *profile)
{
    const struct step *step = &plan->steps[i];

    profile->dtype = step->in.dtype;
    profile->form = px_form_name(px_form_of(&plan->desc.network->layers[i]));
    profile->implementation = px_conv_implementation(step->conv);
}

int px_plan_run(struct px_plan *plan, const struct px_plan_io *io, struct px_error *err)
{
    const struct px_plan_desc *d = &plan->desc;
    struct px_layer_profile unread;
    int64_t mark = px_now_ns(), in;
    int rc = 0;

    px_pass_in(&io->pictures, &plan->steps[0].in, d->threads);
    px_profile_lap(&mark, io->profile ? &io->profile->in_ns : &in);
    for (int i = 0; !rc && i < d->network->layer_count; i++) {
        struct px_layer_profile *times = io->profile ? &io->profile->layers[i] : &unread;
        void *own = plan->steps[i].in.data, *instead = NULL;
        if (io->observer)
            instead = io->observer->see(io->observer->context, i, &plan->steps[i].in);
        if (instead)
            plan->steps[i].in.data = instead;
        rc = run_step(plan, i, io, times, err);
        plan->steps[i].in.data = own;
        if (io->profile)
            describe(plan, i, times);
    }
    return rc;
}
