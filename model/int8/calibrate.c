#include "model/int8/calibrate.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/psnr.h"
#include "model/engine/algorithm.h"
#include "model/int8/emulate.h"
#include "model/int8/ranges.h"

enum { FEW_PICTURES = 8 }; /* pictures to measure the harm of one layer with */

struct run {
    const struct px_calibration_options *o;
    const struct px_network *network;
    size_t answer;      /* bytes of one */
    uint8_t *reference; /* count answers in f32 */
    uint8_t *tried;     /* one answer */
    enum px_dtype type; /* the weights of layers that are not tried, as they are stored */
};

static int run_picture(struct run *run, struct px_emulation *emulation, int picture, uint8_t *out,
                       struct px_error *err)
{
    const struct px_batch batch = {.n = 1,
                                   .height = run->o->height,
                                   .width = run->o->width,
                                   .norm = run->o->norm,
                                   .in = &run->o->pictures[picture],
                                   .out = &out};

    return px_emulation_run(emulation, &batch, err);
}

/* The checkpoint with the chosen layers quantised, ready to run. */
static int emulate(struct px_emulation **out, const struct run *run,
                   const struct px_int8_choice *choice, struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_quantise(&checkpoint, run->o->checkpoint, choice, err);

    if (rc)
        return rc;
    rc = px_emulation_create(out, checkpoint, run->o->threads, err);
    if (rc)
        px_checkpoint_close(checkpoint);
    return rc;
}

/* How far the answers to the first `count` pictures are from f32's. */
struct distance {
    double mean_square;
    double psnr; /* mean over the pictures whose answers differ, else one would make it infinite */
};

static int try(struct run *run, const struct px_int8_choice *choice, int count, const char *step,
               struct distance *distance, struct px_error *err)
{
    struct px_emulation *emulation;
    int rc = emulate(&emulation, run, choice, err), differ = 0;

    *distance = (struct distance){0};
    if (rc)
        return rc;
    for (int i = 0; !rc && i < count; i++) {
        rc = run_picture(run, emulation, i, run->tried, err);
        if (rc)
            break;
        double square =
            px_mean_square(run->tried, run->reference + (size_t)i * run->answer, run->answer);
        distance->mean_square += square / count;
        distance->psnr += square > 0 ? px_psnr(square) : 0;
        differ += square > 0;
        rc = run->o->progress(run->o->context, step, i + 1, count, err);
    }
    distance->psnr = differ ? distance->psnr / differ : (double)INFINITY;
    px_emulation_destroy(emulation);
    return rc;
}

/* One picture through the network in f32; if it has dropout, a second time with that: what is not
 * dropped is doubled, and must not be clipped when a caller wants variety. */
static int answer(struct run *run, struct px_engine *engine, struct px_model *model, int picture,
                  struct px_error *err)
{
    const struct px_calibration_options *o = run->o;
    uint8_t *out = run->reference + (size_t)picture * run->answer;
    struct px_batch batch = {.n = 1,
                             .height = o->height,
                             .width = o->width,
                             .norm = o->norm,
                             .in = &o->pictures[picture],
                             .out = &out};
    int rc = px_engine_run(engine, model, &batch, err);

    if (rc || !run->network->dropout)
        return rc;
    batch.out = &run->tried;
    batch.dropout = (const bool[]){true};
    batch.seeds = (const uint64_t[]){(uint64_t)picture};
    return px_engine_run(engine, model, &batch, err);
}

/* All pictures; `ranges` watches. */
static int answer_all(struct run *run, struct px_engine *engine, struct px_model *model,
                      struct px_ranges *ranges, struct px_error *err)
{
    const struct px_observer observer = px_ranges_observer(ranges);
    const struct px_calibration_options *o = run->o;
    int rc = 0;

    px_engine_observe(engine, &observer);
    for (int i = 0; !rc && i < o->count; i++) {
        rc = answer(run, engine, model, i, err);
        if (!rc)
            rc = o->progress(o->context, "ranges", i + 1, o->count, err);
    }
    return rc;
}

/* The answers in f32, and the ranges on the way to them. */
static int observe(struct run *run, struct px_ranges *ranges, struct px_error *err)
{
    const struct px_engine_options options = {
        .threads = run->o->threads, .first_cpu = -1, .memory_limit = SIZE_MAX / 2};
    const struct px_int8_choice none = {.others = run->type};
    struct px_checkpoint *copy;
    struct px_model *model = NULL;
    struct px_engine *engine = NULL;
    int rc = px_checkpoint_quantise(&copy, run->o->checkpoint, &none, err);

    if (rc)
        return rc;
    rc = px_model_create(&model, copy, PX_F32, err);
    if (rc)
        px_checkpoint_close(copy);
    if (!rc)
        rc = px_engine_create(&engine, &options, err);
    if (!rc)
        rc = answer_all(run, engine, model, ranges, err);
    px_engine_destroy(engine);
    px_model_unref(model);
    return rc;
}

/* The input scales of every layer that can be int8. */
static int find_scales(struct px_calibration *c, const struct run *run,
                       const struct px_ranges *ranges, struct px_error *err)
{
    for (int layer = 0; layer < run->network->layer_count; layer++) {
        if (!px_algorithm_has_int8(run->network, layer))
            continue;
        size_t channels = (size_t)run->network->layers[layer].in_channels;
        c->scales[layer] = malloc(channels * sizeof *c->scales[layer]);
        if (!c->scales[layer])
            return px_fail(err, PX_E_NOMEM, "no memory for %zu scales", channels);
        int rc = px_ranges_scales(ranges, layer, c->scales[layer], err);
        if (rc)
            return rc;
    }
    return 0;
}

/* What each layer harms alone. */
static int try_each(struct px_calibration *c, struct run *run, struct px_error *err)
{
    const int count = run->o->count < FEW_PICTURES ? run->o->count : FEW_PICTURES;
    int candidates = 0, tried = 0;

    for (int layer = 0; layer < run->network->layer_count; layer++)
        candidates += c->scales[layer] != NULL;
    for (int layer = 0; layer < run->network->layer_count; layer++) {
        struct px_int8_choice one = {.others = run->type};
        struct distance distance;
        char step[40];
        c->alone[layer] = (double)NAN;
        if (!c->scales[layer])
            continue;
        one.input_scales[layer] = c->scales[layer];
        snprintf(step, sizeof step, "layer %d of %d", ++tried, candidates);
        int rc = try(run, &one, count, step, &distance, err);
        if (rc)
            return rc;
        c->alone[layer] = px_psnr(distance.mean_square);
    }
    return 0;
}

/* The chosen layer that harms most, or -1 without any. */
static int worst_of(const struct px_calibration *c)
{
    int worst = -1;

    for (int layer = 0; layer < PX_MAX_LAYERS; layer++)
        if (c->choice.input_scales[layer] && (worst < 0 || c->alone[layer] < c->alone[worst]))
            worst = layer;
    return worst;
}

/* From all layers down to as many as keep to the goal. */
static int choose(struct px_calibration *c, struct run *run, struct px_error *err)
{
    struct distance distance;
    double best = 0;

    c->choice.others = PX_BF16;
    for (int layer = 0; layer < PX_MAX_LAYERS; layer++)
        c->choice.input_scales[layer] = c->scales[layer];
    for (int worst; (worst = worst_of(c)) >= 0; c->choice.input_scales[worst] = NULL) {
        int rc = try(run, &c->choice, run->o->count, "together", &distance, err);
        c->psnr = best = distance.psnr;
        if (rc || distance.psnr >= run->o->min_psnr)
            return rc;
    }
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "no layer can be int8 and keep a PSNR of %g dB (one alone gives %.1f): lower "
                   "the goal or use bf16",
                   run->o->min_psnr, best);
}

static int calibrate(struct px_calibration *c, struct run *run, struct px_error *err)
{
    struct px_ranges *ranges = NULL;
    int rc = px_ranges_create(&ranges, run->network, err);

    if (!rc)
        rc = observe(run, ranges, err);
    if (!rc)
        rc = find_scales(c, run, ranges, err);
    px_ranges_destroy(ranges);
    if (!rc)
        rc = try_each(c, run, err);
    return rc ? rc : choose(c, run, err);
}

int px_calibrate(struct px_calibration *out, const struct px_calibration_options *options,
                 struct px_error *err)
{
    const struct px_network *network = px_checkpoint_network(options->checkpoint);
    const size_t pixels = (size_t)options->height * (size_t)options->width;
    struct run run = {.o = options,
                      .network = network,
                      .answer = pixels * (size_t)network->output_nc,
                      .type =
                          px_checkpoint_dtype(options->checkpoint) == PX_BF16 ? PX_BF16 : PX_F32};
    int rc;

    assert(options->count >= 1);
    *out = (struct px_calibration){0};
    run.reference = calloc((size_t)options->count, run.answer);
    run.tried = malloc(run.answer);
    if (run.reference && run.tried)
        rc = calibrate(out, &run, err);
    else
        rc = px_fail(err, PX_E_NOMEM, "no memory for %d answers", options->count);
    free(run.reference);
    free(run.tried);
    if (rc)
        px_calibration_clear(out);
    return rc;
}

void px_calibration_clear(struct px_calibration *calibration)
{
    for (int layer = 0; layer < PX_MAX_LAYERS; layer++) {
        free(calibration->scales[layer]);
        calibration->scales[layer] = NULL;
    }
}
