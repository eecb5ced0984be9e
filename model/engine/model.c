#include "model/engine/parts/model_parts.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "model/dnn/conv.h"
#include "model/dnn/cpu.h"
#include "model/engine/algorithm.h"

struct px_model {
    atomic_int references;
    struct px_checkpoint *checkpoint; /* owned */
    enum px_dtype dtype, base;        /* base: of layers that are not int8 */
    bool int8[PX_MAX_LAYERS];
    struct px_pack *pack;
};

static enum px_dtype fastest_float(void)
{
    return px_cpu_is_fast_in_bf16() ? PX_BF16 : PX_F32;
}

static int check_int8(const struct px_checkpoint *checkpoint, struct px_error *err)
{
    if (px_checkpoint_dtype(checkpoint) != PX_S8)
        return px_fail(err, PX_E_USAGE,
                       "the checkpoint has no int8 weights: make them with pix2pix convert IN OUT "
                       "--dtype int8 --calibrate DIR, or use --dtype auto");
    if (!px_cpu_has_int8())
        return px_fail(err, PX_E_USAGE,
                       "this CPU has neither VNNI nor AMX, which int8 needs: use --dtype auto");
    return 0;
}

/* Sets dtype to what `asked` becomes, and base to what layers without int8 run in. */
static int choose_dtype(struct px_model *model, const struct px_checkpoint *checkpoint,
                        enum px_dtype asked, struct px_error *err)
{
    if (asked == PX_DTYPE_AUTO)
        asked = check_int8(checkpoint, NULL) == 0 ? PX_S8 : fastest_float();
    model->dtype = model->base = asked;
    switch (asked) {
    case PX_F32:
        return 0;
    case PX_BF16:
        return px_dnn_has_bf16() ? 0
                                 : px_fail(err, PX_E_USAGE,
                                           "this CPU cannot compute in bf16: use --dtype f32 or "
                                           "auto");
    case PX_S8:
        model->base = fastest_float();
        return check_int8(checkpoint, err);
    default:
        return px_fail(err, PX_E_USAGE,
                       "the engine does not compute in %s: use auto, f32, bf16 or int8",
                       px_dtype_name(asked));
    }
}

int px_model_create(struct px_model **out, struct px_checkpoint *checkpoint, enum px_dtype dtype,
                    struct px_error *err)
{
    struct px_model *model = calloc(1, sizeof *model);
    int rc;

    if (!model)
        return px_fail(err, PX_E_NOMEM, "no memory for a model");
    rc = choose_dtype(model, checkpoint, dtype, err);
    for (int i = 0; !rc && i < px_checkpoint_network(checkpoint)->layer_count; i++)
        model->int8[i] = model->dtype == PX_S8 && px_checkpoint_quantised(checkpoint, i) &&
                         px_algorithm_has_int8(px_checkpoint_network(checkpoint), i);
    if (!rc)
        rc = px_pack_create(&model->pack, checkpoint, err);
    if (rc) {
        free(model);
        return rc;
    }
    atomic_init(&model->references, 1);
    model->checkpoint = checkpoint;
    *out = model;
    return 0;
}

int px_model_load(struct px_model **out, const char *path, enum px_dtype dtype,
                  struct px_error *err)
{
    struct px_checkpoint *checkpoint;
    int rc = px_checkpoint_open(&checkpoint, path, err);

    if (rc)
        return rc;
    rc = px_model_create(out, checkpoint, dtype, err);
    if (rc)
        px_checkpoint_close(checkpoint);
    return rc;
}

struct px_model *px_model_ref(struct px_model *model)
{
    atomic_fetch_add(&model->references, 1);
    return model;
}

void px_model_unref(struct px_model *model)
{
    if (!model)
        return;
    int before = atomic_fetch_sub(&model->references, 1);
    assert(before > 0);
    if (before > 1)
        return;
    px_pack_destroy(model->pack);
    px_checkpoint_close(model->checkpoint);
    free(model);
}

const struct px_checkpoint *px_model_checkpoint(const struct px_model *model)
{
    return model->checkpoint;
}

const struct px_network *px_model_network(const struct px_model *model)
{
    return px_checkpoint_network(model->checkpoint);
}

size_t px_model_memory(struct px_model *model)
{
    return px_pack_memory(model->pack);
}

enum px_dtype px_model_dtype(const struct px_model *model)
{
    return model->dtype;
}

struct px_plan_desc px_model_plan(struct px_model *model, const struct px_shape *shape, int threads)
{
    return (struct px_plan_desc){.network = px_model_network(model),
                                 .pack = model->pack,
                                 .dtype = model->base,
                                 .int8 = model->int8,
                                 .shape = *shape,
                                 .threads = threads};
}

int px_model_check_norm(const struct px_model *model, enum px_norm_mode mode, struct px_error *err)
{
    if (mode == PX_TEST_RUNNING && px_model_network(model)->norm == PX_NORM_BATCH &&
        !px_checkpoint_has_running(model->checkpoint))
        return px_fail(err, PX_E_INVALID,
                       "this checkpoint has no running statistics: use norm=batch");
    return 0;
}
