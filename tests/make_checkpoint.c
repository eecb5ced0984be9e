/* make_checkpoint OUT.safetensors ARCH NGF INPUT_NC OUTPUT_NC SEED
 *
 * Writes a generator with random weights, N(0, 0.1), for tests that need some model: it takes a
 * moment, and the same arguments give the same bytes. Running statistics are left out, so that
 * norm=running is refused. ARCH is what px_network_make() knows; the training size is its own. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "model/checkpoint/checkpoint.h"

enum { MAX_TENSORS = 500 };

/* Fills one tensor and returns its number of elements. */
static size_t fill(struct px_tensor *tensor, const struct px_tensor_spec *spec, float *values,
                   struct px_random *random)
{
    size_t count = 1;

    *tensor =
        (struct px_tensor){.name = spec->name, .dtype = PX_F32, .ndim = spec->ndim, .data = values};
    for (int i = 0; i < spec->ndim; i++) {
        tensor->shape[i] = spec->shape[i];
        count *= (size_t)spec->shape[i];
    }
    for (size_t i = 0; i < count; i++)
        values[i] = 0.1f * px_random_normal(random) + (spec->role == PX_ROLE_GAMMA ? 1.0f : 0.0f);
    tensor->bytes = count * sizeof *values;
    return count;
}

static int save(const char *path, const struct px_network *network, uint64_t seed,
                struct px_error *err)
{
    struct px_tensor_spec specs[MAX_TENSORS];
    struct px_tensor tensors[MAX_TENSORS];
    struct px_random random;
    size_t count = px_network_tensors(network, specs, MAX_TENSORS), used = 0, saved = 0;
    float *values = malloc(px_network_parameters(network) * sizeof *values);

    if (values == NULL)
        return px_fail(err, PX_E_NOMEM, "no memory for the weights");
    px_random_seed(&random, seed);
    for (size_t i = 0; i < count; i++)
        if (specs[i].role <= PX_ROLE_BETA)
            used += fill(&tensors[saved++], &specs[i], values + used, &random);
    int rc = px_checkpoint_save(path, network, tensors, saved, NULL, 0, PX_F32, err);
    free(values);
    return rc;
}

int main(int argc, char **argv)
{
    struct px_network network;
    struct px_error err = {0};

    if (argc != 7) {
        fprintf(stderr,
                "usage: make_checkpoint OUT.safetensors ARCH NGF INPUT_NC OUTPUT_NC SEED\n");
        return 2;
    }
    const struct px_network_options options = {.architecture = argv[2],
                                               .ngf = atoi(argv[3]),
                                               .input_nc = atoi(argv[4]),
                                               .output_nc = atoi(argv[5]),
                                               .norm = PX_NORM_BATCH,
                                               .dropout = true,
                                               .direction = "AtoB"};
    int rc = px_network_make(&network, &options, &err);
    if (rc == 0)
        rc = save(argv[1], &network, strtoull(argv[6], NULL, 10), &err);
    if (rc < 0)
        fprintf(stderr, "make_checkpoint: %s\n", err.message);
    return px_error_exit(rc);
}
