#include "tools/bench/random_int8.h"

#include <stdlib.h>

#include "base/random.h"
#include "model/engine/algorithm.h"
#include "model/int8/ranges.h"

/* Runs a picture of noise through the network. */
static int run_noise(struct px_engine *engine, struct px_model *model, int side,
                     enum px_norm_mode norm, struct px_error *err)
{
    const struct px_network *network = px_model_network(model);
    size_t pixels = (size_t)side * (size_t)side;
    size_t count = pixels * (size_t)network->input_nc;
    uint8_t *in = malloc(count), *out = malloc(pixels * (size_t)network->output_nc);
    const uint8_t *ins = in;
    const struct px_batch batch = {
        .n = 1, .height = side, .width = side, .norm = norm, .in = &ins, .out = &out};
    struct px_random random;
    int rc;

    px_random_seed(&random, 1);
    for (size_t i = 0; in && i < count; i++)
        in[i] = (uint8_t)(px_random_next(&random) >> 56);
    if (!in || !out)
        rc = px_fail(err, PX_E_NOMEM, "no memory for a picture of %dx%d", side, side);
    else
        rc = px_engine_run(engine, model, &batch, err);
    free(in);
    free(out);
    return rc;
}

static int measure_ranges(struct px_ranges *ranges, struct px_model *model, int side,
                          enum px_norm_mode norm, struct px_error *err)
{
    /* One thread: with another team in addition to those that are timed, libgomp would count more
     * threads than CPUs and put all of them to sleep at every barrier. */
    const struct px_engine_options options = {.threads = 1, .first_cpu = -1};
    struct px_observer observer = px_ranges_observer(ranges);
    struct px_engine *engine;
    int rc = px_engine_create(&engine, &options, err);

    if (rc)
        return rc;
    px_engine_observe(engine, &observer);
    rc = run_noise(engine, model, side, norm, err);
    px_engine_destroy(engine);
    return rc;
}

static int save(const char *path, const struct px_checkpoint *checkpoint,
                const struct px_int8_choice *choice, struct px_error *err)
{
    struct px_checkpoint *quantised;
    int rc = px_checkpoint_quantise(&quantised, checkpoint, choice, err);

    if (rc)
        return rc;
    rc = px_checkpoint_store(path, quantised, NULL, 0, PX_DTYPE_AUTO, err);
    px_checkpoint_close(quantised);
    return rc;
}

static int quantise(const char *path, const struct px_checkpoint *checkpoint,
                    const struct px_ranges *ranges, struct px_error *err)
{
    const struct px_network *network = px_checkpoint_network(checkpoint);
    struct px_int8_choice choice = {.others = PX_BF16};
    float *scales[PX_MAX_LAYERS] = {NULL};
    int rc = 0;

    for (int i = 0; i < network->layer_count && !rc; i++) {
        if (!px_algorithm_has_int8(network, i))
            continue;
        scales[i] = calloc((size_t)network->layers[i].in_channels, sizeof *scales[i]);
        if (!scales[i])
            rc = px_fail(err, PX_E_NOMEM, "no memory for scales");
        else
            rc = px_ranges_scales(ranges, i, scales[i], err);
        choice.input_scales[i] = scales[i];
    }
    if (!rc)
        rc = save(path, checkpoint, &choice, err);
    for (int i = 0; i < network->layer_count; i++)
        free(scales[i]);
    return rc;
}

int px_random_int8_save(const char *path, const char *from, int side, enum px_norm_mode norm,
                        struct px_error *err)
{
    struct px_model *model;
    struct px_ranges *ranges = NULL;
    int rc = px_model_load(&model, from, PX_F32, err);

    if (rc)
        return rc;
    rc = px_ranges_create(&ranges, px_model_network(model), err);
    if (!rc)
        rc = measure_ranges(ranges, model, side, norm, err);
    if (!rc)
        rc = quantise(path, px_model_checkpoint(model), ranges, err);
    px_ranges_destroy(ranges);
    px_model_unref(model);
    return rc;
}
