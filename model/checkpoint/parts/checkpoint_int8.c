#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint/parts/checkpoint_parts.h"
#include "model/checkpoint/quantise.h"

/* Tensors that stand in the place of a layer's own, in one piece of memory. */
struct px_substitute {
    struct px_tensor weight, weight_scale, input_scale;
    struct px_tensor_spec specs[2]; /* the names of the scales */
    float data[];                   /* the scales' before the weights' */
};

bool px_checkpoint_quantised(const struct px_checkpoint *checkpoint, int layer)
{
    return checkpoint->tensors[layer][PX_ROLE_WEIGHT]->dtype == PX_S8;
}

enum px_dtype px_checkpoint_stored_dtype(const struct px_checkpoint *checkpoint)
{
    for (int layer = 0; layer < checkpoint->network.layer_count; layer++)
        if (px_checkpoint_quantised(checkpoint, layer))
            return PX_S8;
    return checkpoint->tensors[0][PX_ROLE_WEIGHT]->dtype;
}

int px_checkpoint_check_real(const struct px_checkpoint *checkpoint, struct px_error *err)
{
    if (checkpoint->dtype == PX_S8)
        return px_fail(err, PX_E_INVALID, "the checkpoint has int8 weights: dequantise them first");
    return 0;
}

void px_checkpoint_weights(const struct px_checkpoint *checkpoint, int layer, float *out)
{
    const struct px_tensor *const *tensors = checkpoint->tensors[layer];

    if (px_checkpoint_quantised(checkpoint, layer))
        px_dequantise(&checkpoint->network.layers[layer], tensors[PX_ROLE_WEIGHT],
                      tensors[PX_ROLE_WEIGHT_SCALE], tensors[PX_ROLE_INPUT_SCALE], out);
    else
        px_tensor_to_f32(tensors[PX_ROLE_WEIGHT], out);
}

/* Room for the layer's weights as `dtype` after `floats` floats; NULL without memory. */
static struct px_substitute *substitute(const struct px_checkpoint *checkpoint, int layer,
                                        size_t floats, enum px_dtype dtype, struct px_error *err)
{
    const struct px_tensor *weight = px_checkpoint_tensor(checkpoint, layer, PX_ROLE_WEIGHT);
    size_t bytes = px_tensor_count(weight) * px_dtype_size(dtype);
    struct px_substitute *s = malloc(sizeof *s + floats * sizeof(float) + bytes);

    if (!s) {
        px_fail(err, PX_E_NOMEM, "no memory for %zu bytes of weights", bytes);
        return NULL;
    }
    s->weight = *weight;
    s->weight.dtype = dtype;
    s->weight.bytes = bytes;
    s->weight.data = s->data + floats;
    return s;
}

/* Takes the substitute over; it has scales, or not. It may have been made from one before. */
static void put(struct px_checkpoint *checkpoint, int layer, struct px_substitute *s, bool scales)
{
    const struct px_tensor **tensors = checkpoint->tensors[layer];

    assert(s && s->weight.dtype == (scales ? PX_S8 : s->weight.dtype));
    free(checkpoint->substitutes[layer]);
    checkpoint->substitutes[layer] = s;
    tensors[PX_ROLE_WEIGHT] = &s->weight;
    tensors[PX_ROLE_WEIGHT_SCALE] = scales ? &s->weight_scale : NULL;
    tensors[PX_ROLE_INPUT_SCALE] = scales ? &s->input_scale : NULL;
}

int px_checkpoint_dequantise(struct px_checkpoint *checkpoint, struct px_error *err)
{
    for (int layer = 0; layer < checkpoint->network.layer_count; layer++) {
        if (!px_checkpoint_quantised(checkpoint, layer))
            continue;
        struct px_substitute *s = substitute(checkpoint, layer, 0, PX_F32, err);
        if (!s)
            return -PX_E_NOMEM;
        px_checkpoint_weights(checkpoint, layer, s->data);
        put(checkpoint, layer, s, false);
    }
    checkpoint->dtype = px_checkpoint_stored_dtype(checkpoint);
    return 0;
}

static struct px_tensor scale_tensor(const struct px_tensor_spec *spec, const float *data)
{
    return (struct px_tensor){.name = spec->name,
                              .dtype = PX_F32,
                              .ndim = 1,
                              .shape = {spec->shape[0]},
                              .data = data,
                              .bytes = (size_t)spec->shape[0] * sizeof *data};
}

/* Scales follow from the largest weights, so one that is not finite would spoil them all. */
static int check_finite(const struct px_layer *layer, const float *real, struct px_error *err)
{
    size_t pairs = (size_t)layer->in_channels * (size_t)layer->out_channels;

    for (size_t i = 0; i < pairs * (size_t)(layer->kernel * layer->kernel); i++)
        if (!isfinite(real[i]))
            return px_fail(err, PX_E_INVALID,
                           "%s.weight holds %f, which int8 cannot: the checkpoint is broken, take "
                           "one from an earlier epoch",
                           layer->conv, (double)real[i]);
    return 0;
}

/* Quantises `real`, the layer's weights. */
static int quantise_layer(struct px_checkpoint *checkpoint, int layer, const float *real,
                          const float *input_scale, struct px_error *err)
{
    const struct px_layer *l = &checkpoint->network.layers[layer];
    size_t in = (size_t)l->in_channels, out = (size_t)l->out_channels;
    struct px_tensor_spec specs[2 * PX_MAX_LAYERS];
    int rc = check_finite(l, real, err);

    if (rc)
        return rc;
    struct px_substitute *s = substitute(checkpoint, layer, out + in, PX_S8, err);
    if (!s)
        return -PX_E_NOMEM;
    px_network_scales(&checkpoint->network, specs, sizeof specs / sizeof *specs);
    memcpy(s->specs, specs + 2 * layer, sizeof s->specs);
    s->weight_scale = scale_tensor(&s->specs[0], s->data);
    s->input_scale = scale_tensor(&s->specs[1], s->data + out);
    memcpy(s->data + out, input_scale, in * sizeof *input_scale);
    px_quantise(l, real, input_scale, (int8_t *)(s->data + out + in), s->data);
    put(checkpoint, layer, s, true);
    return 0;
}

/* Stores `real`, the layer's weights, as another type. */
static int store_layer(struct px_checkpoint *checkpoint, int layer, const float *real,
                       enum px_dtype dtype, struct px_error *err)
{
    struct px_substitute *s = substitute(checkpoint, layer, 0, dtype, err);

    if (!s)
        return -PX_E_NOMEM;
    if (dtype == PX_F32) {
        memcpy(s->data, real, s->weight.bytes);
    } else {
        uint16_t *to = (uint16_t *)(void *)s->data;
        for (size_t i = 0; i < px_tensor_count(&s->weight); i++)
            to[i] = px_f32_to_bf16(real[i]);
    }
    put(checkpoint, layer, s, false);
    return 0;
}

static int change_layer(struct px_checkpoint *checkpoint, int layer,
                        const struct px_int8_choice *choice, struct px_error *err)
{
    const struct px_tensor *weight = px_checkpoint_tensor(checkpoint, layer, PX_ROLE_WEIGHT);
    const float *input_scale = choice->input_scales[layer];

    if (!input_scale && weight->dtype == choice->others)
        return 0;
    float *real = malloc(px_tensor_count(weight) * sizeof *real);
    if (!real)
        return px_fail(err, PX_E_NOMEM, "no memory for %zu weights", px_tensor_count(weight));
    px_checkpoint_weights(checkpoint, layer, real);
    int rc = input_scale ? quantise_layer(checkpoint, layer, real, input_scale, err)
                         : store_layer(checkpoint, layer, real, choice->others, err);
    free(real);
    return rc;
}

int px_checkpoint_quantise(struct px_checkpoint **out, const struct px_checkpoint *checkpoint,
                           const struct px_int8_choice *choice, struct px_error *err)
{
    int rc = px_checkpoint_check_real(checkpoint, err);

    if (rc)
        return rc;
    struct px_checkpoint *copy = malloc(sizeof *copy);
    if (!copy)
        return px_fail(err, PX_E_NOMEM, "no memory for a checkpoint");
    *copy = *checkpoint;
    copy->file = NULL;
    copy->pth = NULL;
    copy->selection = (struct px_checkpoint_selection){0};
    memset(copy->substitutes, 0, sizeof copy->substitutes);
    for (int layer = 0; !rc && layer < copy->network.layer_count; layer++)
        rc = change_layer(copy, layer, choice, err);
    if (rc) {
        px_checkpoint_close(copy);
        return rc;
    }
    copy->dtype = px_checkpoint_stored_dtype(copy);
    *out = copy;
    return 0;
}
