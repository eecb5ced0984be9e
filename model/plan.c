#include "model/plan.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct step { /* one layer of the network */
    struct px_conv *conv;
    const struct px_packed *packed; /* owned by the pack */
    void *in;
    struct px_grid out; /* what the convolution writes */
};

/* The data's way: `input` -> the down layers' results (`steps[i].out`, normalised and activated in
 * place, kept until the decoder reads them as skips) -> for each up layer `raw`, from there with
 * the skip into `joined`, the next one's input. */
struct px_plan {
    struct px_plan_desc desc;
    struct step steps[PX_MAX_LAYERS];
    char *arena;
    void *input, *joined;
    float *work; /* of the statistics; one layer at a time */
};

static bool is_up(const struct px_network *network, int layer)
{
    return network->layers[layer].transposed;
}

/* Halvings of the picture at a layer's output. */
static int level_of(const struct px_network *network, int layer)
{
    return is_up(network, layer) ? network->layer_count - 1 - layer : layer + 1;
}

/* The last layer's result stays f32 until it is a picture. */
static struct px_grid result_of(const struct px_plan_desc *d, int layer)
{
    int level = level_of(d->network, layer);
    bool last = layer == d->network->layer_count - 1;

    return (struct px_grid){.dtype = last ? PX_F32 : d->dtype,
                            .n = d->n,
                            .height = d->height >> level,
                            .width = d->width >> level,
                            .channels = d->network->layers[layer].out_channels,
                            .depth_to_space = is_up(d->network, layer)};
}

static bool needs_statistics(const struct px_plan_desc *d, int layer)
{
    return d->network->layers[layer].has_norm && !px_pack_folds(d->network, layer, d->running);
}

static struct px_conv_desc conv_of(const struct px_plan_desc *d, int layer)
{
    const struct px_layer *l = &d->network->layers[layer];
    struct px_grid out = result_of(d, layer);
    bool up = is_up(d->network, layer), last = layer == d->network->layer_count - 1;

    return (struct px_conv_desc){
        .pass = PX_CONV_FORWARD,
        .n = d->n,
        .ih = up ? out.height / 2 : out.height * 2,
        .iw = up ? out.width / 2 : out.width * 2,
        .ic = l->in_channels,
        .oc = up ? 4 * l->out_channels : l->out_channels,
        .kernel = up ? 2 : 4,
        .stride = up ? 1 : 2,
        .pad = 1,
        .src = d->dtype,
        .weights = d->dtype,
        .dst = out.dtype,
        .bias = px_pack_has_bias(d->network, layer, d->running),
        .relu = !last && !needs_statistics(d, layer),
        .slope = last ? 0.0f : l[1].slope, /* what skips do to it a ReLU repeats */
    };
}

/* Offsets of the buffers in the arena, and its size. */
struct layout {
    size_t input, down[PX_MAX_LAYERS], raw, joined, work, size;
    bool overflow;
};

/* Whether every size that a layer leads to fits a size_t: it and its input are together below
 * n * (height + 2) * (width + 2) * (4 * in + 4 * out channels) elements, and their statistics, too.
 */
static bool countable(const struct px_plan_desc *d, int layer)
{
    struct px_grid g = result_of(d, layer);
    size_t channels = (size_t)d->network->layers[layer].in_channels + (size_t)g.channels;
    size_t bytes = 4 * sizeof(float) * channels;

    return px_mul(bytes, (size_t)g.n, &bytes) && px_mul(bytes, (size_t)g.height + 2, &bytes) &&
           px_mul(bytes, (size_t)g.width + 2, &bytes);
}

static size_t place(struct layout *l, size_t bytes)
{
    size_t at = l->size, rounded;

    if (!px_add(bytes, 63, &rounded) || !px_add(at, rounded & ~(size_t)63, &l->size))
        l->overflow = true;
    return at;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool lay_out(const struct px_plan_desc *d, struct layout *l)
{
    const struct px_network *network = d->network;
    size_t size = px_dtype_size(d->dtype), raw = 0, joined = 0, work = 0;

    *l = (struct layout){0};
    for (int i = 0; i < network->layer_count; i++)
        if (!countable(d, i))
            return false;
    l->input = place(l, (size_t)d->n * (size_t)d->height * (size_t)d->width *
                            (size_t)network->input_nc * size);
    for (int i = 0; i < network->layer_count; i++) {
        struct px_grid out = result_of(d, i);
        size_t bytes = px_grid_elements(&out) * px_dtype_size(out.dtype);

        if (needs_statistics(d, i))
            work = larger(work, px_pass_work(&out));
        if (!is_up(network, i)) {
            l->down[i] = place(l, bytes);
            continue;
        }
        raw = larger(raw, bytes);
        if (i + 1 < network->layer_count)
            joined = larger(joined, (size_t)d->n * (size_t)out.height * (size_t)out.width *
                                        (size_t)network->layers[i + 1].in_channels * size);
    }
    l->raw = place(l, raw);
    l->joined = place(l, joined);
    l->work = place(l, work * sizeof(float));
    return !l->overflow;
}

bool px_plan_memory(const struct px_plan_desc *desc, size_t *bytes)
{
    struct layout layout;

    if (!lay_out(desc, &layout))
        return false;
    *bytes = layout.size;
    return true;
}

/* Points every step at its buffers. */
static int make_arena(struct px_plan *plan, struct px_error *err)
{
    const struct px_network *network = plan->desc.network;
    struct layout l;

    if (!lay_out(&plan->desc, &l) || !(plan->arena = aligned_alloc(64, l.size)))
        return px_fail(err, PX_E_NOMEM, "no memory for a batch of %d pictures of %dx%d",
                       plan->desc.n, plan->desc.width, plan->desc.height);
    memset(plan->arena, 0, l.size); /* touched now, not in the first run */
    plan->input = plan->arena + l.input;
    plan->joined = plan->arena + l.joined;
    plan->work = (float *)(void *)(plan->arena + l.work);
    for (int i = 0; i < network->layer_count; i++) {
        struct step *step = &plan->steps[i];

        step->out = result_of(&plan->desc, i);
        step->out.data = plan->arena + (is_up(network, i) ? l.raw : l.down[i]);
        if (i == 0)
            step->in = plan->input;
        else
            step->in = i <= network->depth ? plan->steps[i - 1].out.data : plan->joined;
    }
    return 0;
}

int px_plan_create(struct px_plan **out, struct px_dnn *dnn, const struct px_plan_desc *desc,
                   struct px_error *err)
{
    struct px_plan *plan = calloc(1, sizeof *plan);
    int rc = 0;

    if (!plan)
        return px_fail(err, PX_E_NOMEM, "no memory for a plan");
    plan->desc = *desc;
    omp_set_num_threads(desc->threads); /* captured by the primitives */
    for (int i = 0; !rc && i < desc->network->layer_count; i++) {
        struct px_conv_desc conv = conv_of(desc, i);
        struct step *step = &plan->steps[i];

        rc = px_conv_create(&step->conv, dnn, &conv, err);
        if (!rc)
            rc = px_pack_get(desc->pack, i, desc->running, step->conv, &step->packed, err);
    }
    if (!rc)
        rc = make_arena(plan, err);
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

/* From the raw result of up layer i and its skip to the next layer's input. */
static void join(struct px_plan *plan, int i, const struct px_norm_pass *norm,
                 const struct px_plan_io *io)
{
    const struct px_network *network = plan->desc.network;
    int skip = network->layers[i + 1].skip;
    struct px_up_pass up = {.skip = plan->steps[skip].out.data,
                            .skip_channels = plan->steps[skip].out.channels,
                            .out = plan->joined,
                            .layer = i};

    if (network->layers[i].has_dropout) {
        up.dropout = io->dropout;
        up.seeds = io->seeds;
    }
    px_pass_up(&plan->steps[i].out, norm, &up, plan->desc.threads);
}

static int run_step(struct px_plan *plan, int i, const struct px_plan_io *io, struct px_error *err)
{
    const struct px_network *network = plan->desc.network;
    struct step *step = &plan->steps[i];
    int threads = plan->desc.threads;
    struct px_norm_pass norm = {step->packed->gamma, step->packed->beta, plan->work};
    struct px_conv_buffers buffers = {.src = step->in,
                                      .weights = step->packed->weights,
                                      .bias = step->packed->bias,
                                      .dst = step->out.data};
    int rc = px_conv_run(step->conv, &buffers, err);

    if (rc)
        return rc;
    if (norm.gamma)
        px_pass_statistics(&step->out, &norm, threads);
    if (i == network->layer_count - 1)
        px_pass_out(&step->out, &io->pictures, threads);
    else if (is_up(network, i))
        join(plan, i, norm.gamma ? &norm : NULL, io);
    else if (norm.gamma)
        px_pass_down(&step->out, &norm, threads);
    return 0;
}

int px_plan_run(struct px_plan *plan, const struct px_plan_io *io, struct px_error *err)
{
    const struct px_plan_desc *d = &plan->desc;
    struct px_pictures in = io->pictures;
    int rc = 0;

    in.channels = d->network->input_nc;
    px_pass_in(&in, d->dtype, plan->input, d->threads);
    for (int i = 0; !rc && i < d->network->layer_count; i++)
        rc = run_step(plan, i, io, err);
    return rc;
}
