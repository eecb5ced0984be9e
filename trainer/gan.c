#include "trainer/gan_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

static int create_G(struct px_gan *gan, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    const struct px_generator_options options = {
        .n = o->batch_size, .threads = o->threads, .train = true, .dtype = o->dtype};

    int rc = px_generator_parameters(&gan->G, &o->network, err);
    if (!rc)
        rc = px_weights_create(&gan->weights_G, &gan->G, o->threads, o->accumulate > 1, err);
    return rc ? rc
              : px_generator_create(&gan->generator, gan->dnn, &o->network, gan->weights_G,
                                    &options, err);
}

static int create_D(struct px_gan *gan, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    struct px_patchgan_options d = {.form = {.input_nc = px_gan_channels_D(gan),
                                             .ndf = o->ndf,
                                             .n_layers = o->n_layers_D,
                                             .norm = o->network.norm},
                                    .size = o->network.crop_size,
                                    .n = 2 * o->batch_size,
                                    .groups = 2,
                                    .threads = o->threads,
                                    .dtype = o->dtype,
                                    .train_weights = true};

    int rc = px_patchgan_parameters(&gan->D, &d.form, err);
    if (!rc)
        rc = px_weights_create(&gan->weights_D, &gan->D, o->threads, o->accumulate > 1, err);
    if (!rc)
        rc = px_patchgan_create(&gan->d_step, gan->dnn, gan->weights_D, &d, err);
    d.n = o->batch_size;
    d.groups = 1;
    d.train_weights = false;
    d.train_input = true;
    if (!rc)
        rc = px_patchgan_create(&gan->g_step, gan->dnn, gan->weights_D, &d, err);
    return rc;
}

int px_gan_create(struct px_gan **out, const struct px_gan_options *options, struct px_error *err)
{
    struct px_random random;
    const struct px_network *net = &options->network;
    struct px_gan *gan = calloc(1, sizeof *gan);

    if (!gan)
        return px_fail(err, PX_E_NOMEM, "no memory for a GAN");
    if (options->dtype == PX_BF16 && !px_dnn_has_bf16()) {
        free(gan);
        return px_fail(err, PX_E_USAGE,
                       "--dtype bf16: this CPU has no AVX-512, without which convolutions of bf16 "
                       "cannot be trained: give --dtype f32");
    }
    gan->options = *options;
    gan->options.dtype = options->dtype == PX_BF16 ? PX_BF16 : PX_F32;
    int rc = px_dnn_create(&gan->dnn, options->threads, err);
    if (!rc)
        rc = create_G(gan, err);
    if (!rc && px_gan_has_D(gan))
        rc = create_D(gan, err);
    if (!rc)
        rc = px_gan_list_tensors(gan, err);
    size_t side = (size_t)net->crop_size;
    size_t count = (size_t)options->batch_size * side * side * (size_t)net->output_nc;
    if (!rc && !(gan->dfake = malloc(count * sizeof(float))))
        rc = px_fail(err, PX_E_NOMEM, "no memory for a gradient of %zu elements", count);
    px_random_seed(&random, options->seed);
    if (!rc)
        rc = px_parameters_init(&gan->G, &options->init, &random, err);
    if (!rc && px_gan_has_D(gan))
        rc = px_parameters_init(&gan->D, &options->init, &random, err);
    if (rc) {
        px_gan_destroy(gan);
        return rc;
    }
    *out = gan;
    return 0;
}

void px_gan_destroy(struct px_gan *gan)
{
    if (!gan)
        return;
    px_generator_destroy(gan->generator);
    px_generator_destroy(gan->single);
    px_patchgan_destroy(gan->d_step);
    px_patchgan_destroy(gan->g_step);
    px_weights_destroy(gan->weights_G);
    px_weights_destroy(gan->weights_D);
    px_parameters_finish(&gan->G);
    px_parameters_finish(&gan->D);
    px_dnn_destroy(gan->dnn);
    free(gan->dfake);
    free(gan->tensors);
    free(gan->names);
    free(gan);
}

int px_gan_generate(struct px_gan *gan, const float *a, float *fake, struct px_error *err)
{
    const struct px_generator_options options = {
        .n = 1, .threads = gan->options.threads, .dtype = gan->options.dtype};
    const struct px_network *net = &gan->options.network;
    float *y;
    int rc = 0;

    if (!gan->single)
        rc = px_generator_create(&gan->single, gan->dnn, net, gan->weights_G, &options, err);
    if (rc)
        return rc;
    px_weights_refresh(gan->weights_G);
    rc = px_generator_forward(gan->single, a, NULL, &y, err);
    if (!rc)
        memcpy(fake, y,
               (size_t)net->crop_size * (size_t)net->crop_size * (size_t)net->output_nc *
                   sizeof *fake);
    return rc;
}

const struct px_gan_profile *px_gan_profile(const struct px_gan *gan)
{
    return &gan->profile;
}
