#include "model/checkpoint/parts/checkpoint_parts.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void px_checkpoint_bind_init(struct px_checkpoint_binding *binding,
                             const struct px_network *network, enum px_code code)
{
    *binding = (struct px_checkpoint_binding){.network = network, .code = code};
    binding->count =
        px_network_tensors(network, binding->specs, sizeof binding->specs / sizeof *binding->specs);
    binding->count +=
        px_network_scales(network, binding->specs + binding->count,
                          sizeof binding->specs / sizeof *binding->specs - binding->count);
}

/* What InstanceNorm left in checkpoints of PyTorch before 0.4, and the reference ignores. */
static bool is_stale(const struct px_network *network, const char *name)
{
    static const char *const suffixes[] = {".running_mean", ".running_var", ".num_batches_tracked"};

    if (network->norm != PX_NORM_INSTANCE)
        return false;
    for (int i = 0; i < network->layer_count; i++) {
        const char *norm = network->layers[i].norm;
        size_t n = strlen(norm);
        if (n == 0 || strncmp(name, norm, n) != 0)
            continue;
        for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++)
            if (strcmp(name + n, suffixes[s]) == 0)
                return true;
    }
    return false;
}

static void format_shape(char *text, size_t room, const int64_t *shape, int ndim)
{
    size_t n = (size_t)snprintf(text, room, "[");

    for (int i = 0; i < ndim && n < room; i++)
        n += (size_t)snprintf(text + n, room - n, "%s%lld", i ? "," : "", (long long)shape[i]);
    if (n < room)
        snprintf(text + n, room - n, "]");
}

static bool may_be(enum px_dtype dtype, enum px_tensor_role role)
{
    switch (role) {
    case PX_ROLE_BATCHES:
        return dtype == PX_I64;
    case PX_ROLE_WEIGHT_SCALE:
    case PX_ROLE_INPUT_SCALE:
        return dtype == PX_F32;
    default:
        return dtype != PX_I64 && (dtype != PX_S8 || role == PX_ROLE_WEIGHT);
    }
}

static const char *types_of(enum px_tensor_role role)
{
    switch (role) {
    case PX_ROLE_BATCHES:
        return "i64";
    case PX_ROLE_WEIGHT_SCALE:
    case PX_ROLE_INPUT_SCALE:
        return "f32";
    case PX_ROLE_WEIGHT:
        return "a floating-point type or int8";
    default:
        return "a floating-point type";
    }
}

static int check_tensor(const struct px_checkpoint_binding *binding,
                        const struct px_tensor_spec *spec, const struct px_tensor *tensor,
                        struct px_error *err)
{
    if (!may_be(tensor->dtype, spec->role))
        return px_fail(err, binding->code, "tensor '%s' is of type %s, it must be %s", spec->name,
                       px_dtype_name(tensor->dtype), types_of(spec->role));
    if (tensor->ndim == spec->ndim &&
        memcmp(tensor->shape, spec->shape, (size_t)spec->ndim * sizeof *spec->shape) == 0)
        return 0;
    char is[96];
    char must[96];
    format_shape(is, sizeof is, tensor->shape, tensor->ndim);
    format_shape(must, sizeof must, spec->shape, spec->ndim);
    return px_fail(err, binding->code, "tensor '%s' has the shape %s, %s with ngf %d needs %s",
                   spec->name, is, binding->network->architecture, binding->network->ngf, must);
}

int px_checkpoint_bind(struct px_checkpoint_binding *binding, const struct px_tensor *tensor,
                       const struct px_tensor_spec **spec, struct px_error *err)
{
    *spec = NULL;
    for (size_t i = 0; i < binding->count; i++) {
        if (strcmp(binding->specs[i].name, tensor->name) != 0)
            continue;
        *spec = &binding->specs[i];
        assert((*spec)->layer < binding->network->layer_count);
        binding->found[(*spec)->layer][(*spec)->role] = tensor;
        return check_tensor(binding, *spec, tensor, err);
    }
    if (is_stale(binding->network, tensor->name))
        return 0;
    return px_fail(err, binding->code,
                   "tensor '%.130s' does not belong to %s with %s norm; the nearest name that does "
                   "is '%s'",
                   tensor->name, binding->network->architecture,
                   px_norm_name(binding->network->norm),
                   px_checkpoint_nearest(binding->specs, binding->count, tensor->name));
}

/* A scale is divided by, so it must be a number whose inverse is one. */
static int check_scale(const struct px_checkpoint_binding *binding, const struct px_tensor *scale,
                       struct px_error *err)
{
    size_t count = px_tensor_count(scale);

    for (size_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, (const uint8_t *)scale->data + i * sizeof value, sizeof value);
        if (!isnormal(value) || value < 0)
            return px_fail(
                err, binding->code,
                "tensor '%.130s': element %zu is %g, a scale must be positive and finite",
                scale->name, i, (double)value);
    }
    return 0;
}

/* A layer has both scales and int8 weights, or neither. */
static int check_quantised(const struct px_checkpoint_binding *binding, int layer,
                           struct px_error *err)
{
    const struct px_tensor *const *found = binding->found[layer];
    bool quantised = found[PX_ROLE_WEIGHT]->dtype == PX_S8;

    for (int role = PX_ROLE_WEIGHT_SCALE; role <= PX_ROLE_INPUT_SCALE; role++) {
        if (!quantised && found[role])
            return px_fail(err, binding->code, "tensor '%.130s' has no use: the weights are %s",
                           found[role]->name, px_dtype_name(found[PX_ROLE_WEIGHT]->dtype));
        if (quantised && !found[role])
            return px_fail(err, binding->code, "tensor '%s.%s' is missing: the weights are int8",
                           binding->network->layers[layer].conv,
                           role == PX_ROLE_WEIGHT_SCALE ? "weight_scale" : "input_scale");
        int rc = quantised ? check_scale(binding, found[role], err) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

int px_checkpoint_bind_check(const struct px_checkpoint_binding *binding, bool *has_running,
                             struct px_error *err)
{
    *has_running = true;
    for (size_t i = 0; i < binding->count; i++) {
        const struct px_tensor_spec *spec = &binding->specs[i];
        if (binding->found[spec->layer][spec->role] || spec->role >= PX_ROLE_BATCHES)
            continue; /* the scales are looked at below */
        if (spec->role != PX_ROLE_RUNNING_MEAN && spec->role != PX_ROLE_RUNNING_VAR)
            return px_fail(err, binding->code, "tensor '%s' of %s is missing", spec->name,
                           binding->network->architecture);
        *has_running = false;
    }
    for (int layer = 0; layer < binding->network->layer_count; layer++) {
        int rc = check_quantised(binding, layer, err);
        if (rc)
            return rc;
    }
    return 0;
}
