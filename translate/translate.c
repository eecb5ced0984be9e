#include "translate/translate.h"

#include <assert.h>

enum px_norm_mode px_translate_norm(const struct px_checkpoint *checkpoint,
                                    enum px_norm_choice choice)
{
    switch (choice) {
    case PX_NORM_BY_BATCH:
        return PX_TEST_BATCH;
    case PX_NORM_BY_RUNNING:
        return PX_TEST_RUNNING;
    case PX_NORM_BY_CHECKPOINT:
        break;
    }
    return px_checkpoint_test_norm(checkpoint);
}

struct px_fit px_translate_fit(const struct px_network *network, enum px_fit_mode mode,
                               uint32_t width, uint32_t height)
{
    const struct px_fit_sides sides = {(uint32_t)network->crop_size,
                                       (uint32_t)px_network_multiple(network),
                                       (uint32_t)px_network_min_side(network)};
    struct px_fit fit;

    px_fit_plan(&fit, mode, &sides, width, height);
    return fit;
}

int px_translate_create_answer(const struct px_model *model, const struct px_image *input,
                               struct px_image *answer, struct px_error *err)
{
    uint32_t channels = (uint32_t)px_model_network(model)->output_nc;

    return px_image_init(answer, input->width, input->height, channels, err);
}

static bool same_size(const struct px_image *a, const struct px_image *b)
{
    return a->width == b->width && a->height == b->height;
}

int px_translate_run(const struct px_translator *translator, const struct px_translated *pictures,
                     int n, struct px_error *err)
{
    const uint8_t *in[PX_TRANSLATE_MAX_BATCH];
    uint8_t *out[PX_TRANSLATE_MAX_BATCH];
    bool dropout[PX_TRANSLATE_MAX_BATCH];
    uint64_t seeds[PX_TRANSLATE_MAX_BATCH];

    assert(n >= 1 && n <= PX_TRANSLATE_MAX_BATCH);
    for (int i = 0; i < n; i++) {
        assert(same_size(pictures[i].input, pictures[0].input));
        assert(same_size(pictures[i].answer, pictures[i].input));
        in[i] = pictures[i].input->data;
        out[i] = pictures[i].answer->data;
        dropout[i] = pictures[i].dropout;
        seeds[i] = pictures[i].seed;
    }
    const struct px_batch batch = {.n = n,
                                   .height = (int)pictures[0].input->height,
                                   .width = (int)pictures[0].input->width,
                                   .norm = translator->norm,
                                   .in = in,
                                   .out = out,
                                   .dropout = dropout,
                                   .seeds = seeds,
                                   .stop = translator->stop,
                                   .stop_context = translator->stop_context};

    return px_engine_run(translator->engine, translator->model, &batch, err);
}

int px_translate_image(const struct px_translator *translator,
                       const struct px_translate_options *options, struct px_image *image,
                       struct px_error *err)
{
    const struct px_network *network = px_model_network(translator->model);
    const struct px_fit fit = px_translate_fit(network, options->fit, image->width, image->height);
    struct px_image answer = {0};
    const struct px_translated picture = {image, &answer, options->dropout, options->seed};

    assert(image->channels == (uint32_t)network->input_nc);
    int rc = px_fit_input(&fit, image, err);
    if (!rc)
        rc = px_translate_create_answer(translator->model, image, &answer, err);
    if (!rc)
        rc = px_translate_run(translator, &picture, 1, err);
    px_image_clear(image);
    if (!rc)
        rc = px_fit_answer(&fit, &answer, err);
    *image = answer;
    return rc;
}
