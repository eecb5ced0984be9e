#include "server/models/warm.h"

#include "codecs/image.h"
#include "translate/translate.h"

/* One run of `n` grey pictures, which share their pixels: only the time matters. */
static int run(struct px_engine *engine, const struct px_registry_entry *entry, int n,
               enum px_norm_mode norm, struct px_error *err)
{
    const struct px_network *network = px_model_network(entry->model);
    uint32_t side = (uint32_t)network->crop_size;
    struct px_image in = {0}, out = {0};
    const uint8_t *ins[PX_TRANSLATE_MAX_BATCH];
    uint8_t *outs[PX_TRANSLATE_MAX_BATCH];
    int rc = px_image_init(&in, side, side, (uint32_t)network->input_nc, err);

    if (rc == 0)
        rc = px_image_init(&out, side, side * (uint32_t)n, (uint32_t)network->output_nc, err);
    for (int i = 0; i < n && rc == 0; i++) {
        ins[i] = in.data;
        outs[i] = out.data + (size_t)i * side * side * out.channels;
    }
    struct px_batch batch = {
        .n = n, .height = (int)side, .width = (int)side, .norm = norm, .in = ins, .out = outs};
    if (rc == 0)
        rc = px_engine_run(engine, entry->model, &batch, err);
    px_image_clear(&in);
    px_image_clear(&out);
    return rc;
}

int px_model_warm(struct px_engine *engine, const struct px_registry_entry *entry, int max_batch,
                  struct px_error *err)
{
    int rc = 0;

    if (px_model_check_norm(entry->model, PX_TEST_RUNNING, NULL) == 0)
        rc = run(engine, entry, 1, PX_TEST_RUNNING, err);
    if (rc == 0)
        rc = run(engine, entry, 1, PX_TEST_BATCH, err);
    if (rc < 0) {
        px_error_prefix(err, entry->name);
        return rc;
    }
    /* Larger batches are a convenience: if they do not fit, they will be run in parts. */
    for (int n = 2; n <= max_batch; n *= 2)
        if (run(engine, entry, n, PX_TEST_BATCH, NULL) < 0)
            break;
    return 0;
}
