#include "server/models/warm.h"

#include "codecs/image.h"

/* `n` pictures of the model's own size. */
static struct px_batch batch_of(const struct px_registry_entry *entry, int n,
                                enum px_norm_mode norm)
{
    int side = px_model_network(entry->model)->crop_size;

    return (struct px_batch){.n = n, .height = side, .width = side, .norm = norm};
}

/* Translates a grey picture. */
static int run(struct px_engine *engine, const struct px_registry_entry *entry,
               struct px_error *err)
{
    const struct px_network *network = px_model_network(entry->model);
    uint32_t side = (uint32_t)network->crop_size;
    struct px_image in = {0}, out = {0};
    const uint8_t *ins[1];
    uint8_t *outs[1];
    int rc = px_image_init(&in, side, side, (uint32_t)network->input_nc, err);

    if (rc == 0)
        rc = px_image_init(&out, side, side, (uint32_t)network->output_nc, err);
    if (rc == 0) {
        struct px_batch batch =
            batch_of(entry, 1, px_checkpoint_test_norm(px_model_checkpoint(entry->model)));
        ins[0] = in.data;
        outs[0] = out.data;
        batch.in = ins;
        batch.out = outs;
        rc = px_engine_run(engine, entry->model, &batch, err);
    }
    px_image_clear(&in);
    px_image_clear(&out);
    return rc;
}

static int prepare(struct px_engine *engine, const struct px_registry_entry *entry, int n,
                   enum px_norm_mode norm, struct px_error *err)
{
    const struct px_batch batch = batch_of(entry, n, norm);

    return px_engine_prepare(engine, entry->model, &batch, err);
}

int px_model_prepare(struct px_engine *engine, const struct px_registry_entry *entry, int max_batch,
                     struct px_error *err)
{
    int rc = 0;

    if (px_model_check_norm(entry->model, PX_TEST_RUNNING, NULL) == 0)
        rc = prepare(engine, entry, 1, PX_TEST_RUNNING, err);
    if (rc == 0)
        rc = prepare(engine, entry, 1, PX_TEST_BATCH, err);
    if (rc < 0) {
        px_error_prefix(err, entry->name);
        return rc;
    }
    /* Larger batches are a convenience: if they do not fit, they will be run in parts. */
    for (int n = 2; n <= max_batch; n *= 2)
        if (prepare(engine, entry, n, PX_TEST_BATCH, NULL) < 0)
            break;
    return 0;
}

int px_model_warm(struct px_engine *engine, const struct px_registry_entry *entry, int max_batch,
                  struct px_error *err)
{
    int rc = px_model_prepare(engine, entry, max_batch, err);

    if (rc < 0)
        return rc;
    rc = run(engine, entry, err);
    if (rc < 0)
        px_error_prefix(err, entry->name);
    return rc;
}
