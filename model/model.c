#include "model/model.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "model/conv.h"

struct px_model {
    atomic_int references;
    struct px_checkpoint *checkpoint; /* owned */
    enum px_dtype dtype;
    struct px_pack *pack;
};

/* Whether oneDNN has a fast bf16 convolution on this CPU: asks for one of a usual shape. */
static int check_bf16(struct px_error *err)
{
    struct px_conv_desc desc = {.n = 1,
                                .ih = 32,
                                .iw = 32,
                                .ic = 64,
                                .oc = 64,
                                .kernel = 4,
                                .stride = 2,
                                .pad = 1,
                                .src = PX_BF16,
                                .weights = PX_BF16,
                                .dst = PX_BF16};
    int before = omp_get_max_threads();
    struct px_dnn *dnn = NULL;
    struct px_conv *conv = NULL;
    int rc = px_dnn_create(&dnn, 1, err);

    if (!rc && px_conv_create(&conv, dnn, &desc, NULL) != 0)
        rc = px_fail(err, PX_E_USAGE, "this CPU cannot compute in bf16: use --dtype f32 or auto");
    px_conv_destroy(conv);
    px_dnn_destroy(dnn);
    omp_set_num_threads(before);
    return rc;
}

static int choose_dtype(enum px_dtype asked, enum px_dtype *chosen, struct px_error *err)
{
    switch (asked) {
    case PX_DTYPE_AUTO:
        *chosen = px_cpu_is_fast_in_bf16() ? PX_BF16 : PX_F32;
        return 0;
    case PX_F32:
        *chosen = PX_F32;
        return 0;
    case PX_BF16:
        *chosen = PX_BF16;
        return px_cpu_is_fast_in_bf16() ? 0 : check_bf16(err);
    default:
        return px_fail(err, PX_E_USAGE, "the engine does not compute in %s: use auto, f32 or bf16",
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
    rc = choose_dtype(dtype, &model->dtype, err);
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
    if (!model || atomic_fetch_sub(&model->references, 1) > 1)
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
    return &model->checkpoint->network;
}

size_t px_model_memory(struct px_model *model)
{
    return px_pack_memory(model->pack);
}

enum px_dtype px_model_dtype(const struct px_model *model)
{
    return model->dtype;
}

struct px_pack *px_model_pack(struct px_model *model)
{
    return model->pack;
}

int px_model_check_norm(const struct px_model *model, enum px_norm_mode mode, struct px_error *err)
{
    if (mode == PX_TEST_RUNNING && px_model_network(model)->norm == PX_NORM_BATCH &&
        !model->checkpoint->has_running)
        return px_fail(err, PX_E_INVALID,
                       "this checkpoint has no running statistics: use norm=batch");
    return 0;
}
