#include "model/int8/emulate.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/simd.h"
#include "model/checkpoint/quantise.h"
#include "model/engine/observer.h"

struct px_emulation {
    struct px_engine *engine;
    struct px_model *model;
    struct px_observer observer;
    float *scales;  /* of one layer: [in] input scales, then their inverses */
    float *rounded; /* what a layer reads instead of its input */
    size_t room;    /* floats there */
    bool failed;    /* no memory for that */
};

static bool make_room(struct px_emulation *emulation, size_t count)
{
    if (count <= emulation->room)
        return true;
    free(emulation->rounded);
    emulation->room = (count + 15) / 16 * 16;
    emulation->rounded = aligned_alloc(64, emulation->room * sizeof *emulation->rounded);
    if (!emulation->rounded)
        emulation->room = 0;
    return emulation->rounded;
}

/* Scales, and their inverses, of the channels; a level is least..most. */
struct levels {
    const float *scale, *inverse;
    float least, most;
};

PX_CLONES static void round_all(const float *x, size_t count, size_t channels,
                                const struct levels *l, float *out)
{
    const float least = l->least, most = l->most;

    for (size_t at = 0; at < count; at += channels)
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            float level = rintf(x[at + c] * l->inverse[c]);
            level = level > least ? level : least;
            level = level < most ? level : most;
            out[at + c] = level * l->scale[c];
        }
}

static void *see(void *context, int layer, const struct px_grid *in)
{
    struct px_emulation *emulation = context;
    const struct px_checkpoint *checkpoint = px_model_checkpoint(emulation->model);
    const size_t channels = (size_t)in->channels, count = px_grid_elements(in);
    const float most = (float)px_quantise_levels(&px_checkpoint_network(checkpoint)->layers[layer]);
    float *scale = emulation->scales, *inverse = scale + channels;

    if (!px_checkpoint_quantised(checkpoint, layer))
        return NULL;
    if (!make_room(emulation, count)) {
        emulation->failed = true;
        return NULL;
    }
    px_tensor_to_f32(px_checkpoint_tensor(checkpoint, layer, PX_ROLE_INPUT_SCALE), scale);
    for (size_t c = 0; c < channels; c++)
        inverse[c] = 1 / scale[c];
    const struct levels levels = {scale, inverse, most > 127 ? 0 : -most, most};
    round_all(in->data, count, channels, &levels, emulation->rounded);
    return emulation->rounded;
}

int px_emulation_create(struct px_emulation **out, struct px_checkpoint *checkpoint, int threads,
                        struct px_error *err)
{
    const struct px_engine_options options = {
        .threads = threads, .first_cpu = -1, .memory_limit = SIZE_MAX / 2};
    struct px_emulation *emulation = calloc(1, sizeof *emulation);
    size_t channels = 0;

    for (int i = 0; i < px_checkpoint_network(checkpoint)->layer_count; i++)
        if ((size_t)px_checkpoint_network(checkpoint)->layers[i].in_channels > channels)
            channels = (size_t)px_checkpoint_network(checkpoint)->layers[i].in_channels;
    assert(channels > 0);
    if (emulation)
        emulation->scales = malloc(2 * channels * sizeof *emulation->scales);
    if (!emulation || !emulation->scales) {
        px_emulation_destroy(emulation);
        return px_fail(err, PX_E_NOMEM, "no memory to emulate int8");
    }
    emulation->observer = (struct px_observer){see, emulation};
    int rc = px_engine_create(&emulation->engine, &options, err);
    if (!rc)
        rc = px_model_create(&emulation->model, checkpoint, PX_F32, err);
    if (rc) {
        px_emulation_destroy(emulation);
        return rc;
    }
    px_engine_observe(emulation->engine, &emulation->observer);
    *out = emulation;
    return 0;
}

void px_emulation_destroy(struct px_emulation *emulation)
{
    if (!emulation)
        return;
    px_engine_destroy(emulation->engine);
    px_model_unref(emulation->model);
    free(emulation->scales);
    free(emulation->rounded);
    free(emulation);
}

int px_emulation_run(struct px_emulation *emulation, const struct px_batch *batch,
                     struct px_error *err)
{
    emulation->failed = false;
    int rc = px_engine_run(emulation->engine, emulation->model, batch, err);
    if (!rc && emulation->failed)
        rc = px_fail(err, PX_E_NOMEM, "no memory to emulate int8 on pictures of %dx%d",
                     batch->width, batch->height);
    return rc;
}
