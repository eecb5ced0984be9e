#include "trainer/nn/parts/gan_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

static struct px_patchgan_form form_of_D(const struct px_gan *gan)
{
    return (struct px_patchgan_form){.input_nc = px_gan_channels_D(gan),
                                     .ndf = gan->options.ndf,
                                     .n_layers = gan->options.n_layers_D,
                                     .norm = gan->options.network.norm};
}

static int create_parameters(struct px_gan *gan, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    const struct px_patchgan_form D = form_of_D(gan);
    bool sums = o->accumulate > 1 || o->ranks;

    int rc = px_generator_parameters(&gan->G, &o->network, err);
    if (!rc)
        rc = px_weights_create(&gan->weights_G, &gan->G, o->threads, sums, err);
    if (rc || !px_gan_has_D(gan))
        return rc;
    rc = px_patchgan_parameters(&gan->D, &D, err);
    return rc ? rc : px_weights_create(&gan->weights_D, &gan->D, o->threads, sums, err);
}

static int create_G(struct px_gan *gan, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    const struct px_generator_options options = {.n = gan->n,
                                                 .height = gan->height,
                                                 .width = gan->width,
                                                 .threads = o->threads,
                                                 .train = true,
                                                 .dtype = o->dtype};

    return px_generator_create(&gan->generator, gan->dnn, &o->network, gan->weights_G, &options,
                               err);
}

static int create_D(struct px_gan *gan, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    struct px_patchgan_options d = {.form = form_of_D(gan),
                                    .height = gan->height,
                                    .width = gan->width,
                                    .n = 2 * gan->n,
                                    .groups = 2,
                                    .threads = o->threads,
                                    .dtype = o->dtype,
                                    .train_weights = true};

    int rc = px_patchgan_create(&gan->d_step, gan->dnn, gan->weights_D, &d, err);
    d.n = gan->n;
    d.groups = 1;
    d.train_weights = false;
    d.train_input = true;
    return rc ? rc : px_patchgan_create(&gan->g_step, gan->dnn, gan->weights_D, &d, err);
}

/* Frees what depends on the number of images. */
static void forget_batch(struct px_gan *gan)
{
    px_generator_destroy(gan->generator);
    px_patchgan_destroy(gan->d_step);
    px_patchgan_destroy(gan->g_step);
    free(gan->dfake);
    gan->generator = NULL;
    gan->d_step = gan->g_step = NULL;
    gan->dfake = NULL;
}

/* And what depends on their size. */
static void forget_size(struct px_gan *gan)
{
    forget_batch(gan);
    px_generator_destroy(gan->single);
    gan->single = NULL;
}

int px_gan_prepare(struct px_gan *gan, struct px_error *err)
{
    size_t count = px_gan_pixels(gan) * (size_t)gan->options.network.output_nc;

    if (gan->dfake)
        return 0;
    int rc = create_G(gan, err);
    if (!rc && px_gan_has_D(gan))
        rc = create_D(gan, err);
    if (!rc && !(gan->dfake = malloc(count * sizeof *gan->dfake)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for a gradient of %zu elements", count);
    if (rc)
        forget_batch(gan);
    return rc;
}

int px_gan_fit_size(struct px_gan *gan, const struct px_train_batch *batch, struct px_error *err)
{
    int width = batch->width, height = batch->height;
    int multiple = px_network_multiple(&gan->options.network);

    if (width == gan->width && height == gan->height)
        return 0;
    if (width < multiple || height < multiple || width % multiple || height % multiple)
        return px_fail(err, PX_E_INVALID,
                       "%dx%d pixels do not suit %s: both must be multiples of %d", width, height,
                       gan->options.network.architecture, multiple);
    forget_size(gan);
    gan->width = width;
    gan->height = height;
    return 0;
}

void px_gan_fit_count(struct px_gan *gan, const struct px_train_batch *batch)
{
    int count = batch->count;
    int n = count < gan->options.batch_size ? count : gan->options.batch_size;

    assert(count > 0 && (count <= n || gan->options.accumulate > 1));
    while (count % n)
        n--;
    gan->parts = count / n;
    if (n == gan->n)
        return;
    forget_batch(gan);
    gan->n = n;
}

int px_gan_create(struct px_gan **out, const struct px_gan_options *options, struct px_error *err)
{
    struct px_random random;
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
    gan->height = gan->width = options->network.crop_size;
    gan->n = options->batch_size;
    gan->parts = options->accumulate > 1 ? options->accumulate : 1;
    int rc = px_dnn_create(&gan->dnn, options->threads, err);
    if (!rc)
        rc = create_parameters(gan, err);
    if (!rc)
        rc = px_gan_list_tensors(gan, err);
    if (!rc)
        rc = px_gan_prepare(gan, err);
    px_random_seed(&random, options->seed);
    if (!rc)
        rc = px_parameters_draw(&gan->G, &options->init, &random, err);
    if (!rc && px_gan_has_D(gan))
        rc = px_parameters_draw(&gan->D, &options->init, &random, err);
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
    forget_size(gan);
    px_weights_destroy(gan->weights_G);
    px_weights_destroy(gan->weights_D);
    px_parameters_clear(&gan->G);
    px_parameters_clear(&gan->D);
    px_dnn_destroy(gan->dnn);
    free(gan->tensors);
    free(gan->generator_tensors);
    free(gan->names);
    free(gan);
}

int px_gan_generate(struct px_gan *gan, const struct px_train_batch *picture, float *fake,
                    struct px_error *err)
{
    int rc = px_gan_fit_size(gan, picture, err);

    assert(picture->count == 1);
    if (rc)
        return rc;
    const struct px_generator_options options = {.n = 1,
                                                 .height = gan->height,
                                                 .width = gan->width,
                                                 .threads = gan->options.threads,
                                                 .dtype = gan->options.dtype};
    const struct px_network *net = &gan->options.network;
    float *y;

    if (!gan->single)
        rc = px_generator_create(&gan->single, gan->dnn, net, gan->weights_G, &options, err);
    if (rc)
        return rc;
    px_weights_refresh(gan->weights_G);
    rc = px_generator_forward(gan->single, picture->input, NULL, &y, err);
    if (!rc)
        memcpy(fake, y,
               (size_t)gan->height * (size_t)gan->width * (size_t)net->output_nc * sizeof *fake);
    return rc;
}

const struct px_gan_profile *px_gan_profile(const struct px_gan *gan)
{
    return &gan->profile;
}
