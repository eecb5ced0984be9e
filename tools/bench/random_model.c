#include "tools/bench/random_model.h"

#include <stdlib.h>

#include "base/random.h"
#include "model/checkpoint/checkpoint.h"

/* Fills the elements of one tensor; batches tracked stay 0. */
static void draw(struct px_random *random, enum px_tensor_role role, float *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        switch (role) {
        case PX_ROLE_WEIGHT:
        case PX_ROLE_RUNNING_MEAN:
            to[i] = 0.02f * px_random_normal(random);
            break;
        case PX_ROLE_GAMMA:
            to[i] = 1 + 0.02f * px_random_normal(random);
            break;
        case PX_ROLE_RUNNING_VAR:
            to[i] = 1;
            break;
        case PX_ROLE_BIAS:
        case PX_ROLE_BETA:
        case PX_ROLE_BATCHES:
        case PX_ROLE_WEIGHT_SCALE: /* a random model is not quantised */
        case PX_ROLE_INPUT_SCALE:
            break;
        }
}

static void describe(const struct px_tensor_spec *spec, struct px_tensor *tensor)
{
    *tensor = (struct px_tensor){.name = spec->name,
                                 .dtype = spec->role == PX_ROLE_BATCHES ? PX_I64 : PX_F32,
                                 .ndim = spec->ndim};
    for (int i = 0; i < spec->ndim; i++)
        tensor->shape[i] = spec->shape[i];
    tensor->bytes = px_tensor_count(tensor) * px_dtype_size(tensor->dtype);
}

static int fill(const struct px_tensor_spec *specs, struct px_tensor *tensors, size_t count,
                uint64_t seed)
{
    struct px_random random;

    px_random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        describe(&specs[i], &tensors[i]);
        void *data = calloc(1, tensors[i].bytes + 1);
        if (!data)
            return -1;
        tensors[i].data = data;
        draw(&random, specs[i].role, data, px_tensor_count(&tensors[i]));
    }
    return 0;
}

int px_random_model_save(const char *path, const struct px_network *network, uint64_t seed,
                         struct px_error *err)
{
    size_t count = px_network_tensors(network, NULL, 0);
    struct px_tensor_spec *specs = calloc(count + 1, sizeof *specs);
    struct px_tensor *tensors = calloc(count + 1, sizeof *tensors);
    int rc;

    if (!specs || !tensors || px_network_tensors(network, specs, count) != count ||
        fill(specs, tensors, count, seed))
        rc = px_fail(err, PX_E_NOMEM, "no memory for %zu tensors", count);
    else
        rc = px_checkpoint_save(path, network, tensors, count, NULL, 0, PX_F32, err);
    for (size_t i = 0; tensors && i < count; i++)
        free((void *)(uintptr_t)tensors[i].data); /* made writable above */
    free(tensors);
    free(specs);
    return rc;
}
