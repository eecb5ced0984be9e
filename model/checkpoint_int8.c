#include <stdlib.h>

#include "model/checkpoint_parts.h"
#include "model/quantize.h"

/* The tensors as they will be written: views of the checkpoint's data or of `owned`. */
struct int8_file {
    struct px_tensor_spec scales[2 * PX_MAX_LAYERS]; /* a layer's weight_scale, then input_scale */
    struct px_tensor tensors[PX_MAX_LAYERS * PX_ROLE_COUNT];
    void *owned[PX_MAX_LAYERS];
    size_t count;
};

/* A view of `count` floats as one of a layer's two scales. */
static void add_scale(struct int8_file *file, const struct px_tensor_spec *spec, const float *data)
{
    file->tensors[file->count++] =
        (struct px_tensor){.name = spec->name,
                           .dtype = PX_F32,
                           .ndim = 1,
                           .shape = {spec->shape[0]},
                           .data = data,
                           .bytes = (size_t)spec->shape[0] * sizeof *data};
}

/* The layer's int8 weights and scales; weight_scale and q lie in one piece of memory. */
static int add_quantized(struct int8_file *file, const struct px_checkpoint *checkpoint, int layer,
                         const float *input_scale, struct px_error *err)
{
    const struct px_layer *l = &checkpoint->network.layers[layer];
    struct px_tensor weight = *px_checkpoint_tensor(checkpoint, layer, PX_ROLE_WEIGHT);
    size_t count = px_tensor_count(&weight), out = (size_t)l->out_channels;
    float *real = malloc(count * sizeof *real);
    float *weight_scale = malloc(out * sizeof *weight_scale + count);

    if (!real || !weight_scale) {
        free(real);
        free(weight_scale);
        return px_fail(err, PX_E_NOMEM, "no memory to quantize %s.weight", l->conv);
    }
    file->owned[layer] = weight_scale;
    px_checkpoint_weights(checkpoint, layer, real);
    px_quantize(l, real, input_scale, (int8_t *)(weight_scale + out), weight_scale);
    free(real);
    weight.dtype = PX_S8;
    weight.data = weight_scale + out;
    weight.bytes = count;
    file->tensors[file->count++] = weight;
    add_scale(file, &file->scales[2 * layer], weight_scale);
    add_scale(file, &file->scales[2 * layer + 1], input_scale);
    return 0;
}

/* The layer's real weights as `dtype`. */
static int add_real(struct int8_file *file, const struct px_checkpoint *checkpoint, int layer,
                    enum px_dtype dtype, struct px_error *err)
{
    struct px_tensor *weight = &file->tensors[file->count++];

    *weight = *px_checkpoint_tensor(checkpoint, layer, PX_ROLE_WEIGHT);
    return weight->dtype == dtype ? 0 : px_tensor_convert(weight, dtype, &file->owned[layer], err);
}

static int collect(struct int8_file *file, const struct px_checkpoint *checkpoint,
                   const struct px_int8_choice *choice, struct px_error *err)
{
    int rc = 0;

    px_network_scales(&checkpoint->network, file->scales,
                      sizeof file->scales / sizeof *file->scales);
    for (int layer = 0; !rc && layer < checkpoint->network.layer_count; layer++) {
        const float *input_scale = choice->input_scales[layer];
        rc = input_scale ? add_quantized(file, checkpoint, layer, input_scale, err)
                         : add_real(file, checkpoint, layer, choice->others, err);
        for (int role = PX_ROLE_WEIGHT + 1; role <= PX_ROLE_BATCHES; role++) {
            const struct px_tensor *tensor =
                px_checkpoint_tensor(checkpoint, layer, (enum px_tensor_role)role);
            if (tensor)
                file->tensors[file->count++] = *tensor;
        }
    }
    return rc;
}

int px_checkpoint_save_int8(const char *path, const struct px_checkpoint *checkpoint,
                            const struct px_int8_choice *choice, const struct px_metadata *extra,
                            size_t extra_count, struct px_error *err)
{
    struct int8_file *file = calloc(1, sizeof *file);

    if (!file)
        return px_fail(err, PX_E_NOMEM, "%s: no memory for an int8 checkpoint", path);
    int rc = px_checkpoint_check_real(checkpoint, err);
    if (!rc)
        rc = collect(file, checkpoint, choice, err);
    if (rc)
        px_error_prefix(err, path);
    else
        rc = px_checkpoint_save(path, &checkpoint->network, file->tensors, file->count, extra,
                                extra_count, PX_DTYPE_AUTO, err);
    for (int layer = 0; layer < PX_MAX_LAYERS; layer++)
        free(file->owned[layer]);
    free(file);
    return rc;
}
