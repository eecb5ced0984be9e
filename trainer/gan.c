#include "trainer/gan_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

static bool has_D(const struct px_gan *gan)
{
    return gan->options.lambda_GAN > 0;
}

/* Channels that D sees. */
static int d_channels(const struct px_gan *gan)
{
    const struct px_gan_options *o = &gan->options;

    return (o->unconditional ? 0 : o->network.input_nc) + o->network.output_nc;
}

static int create_G(struct px_gan *gan, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    const struct px_generator_options options = {
        .n = o->batch_size, .threads = o->threads, .train = true};

    int rc = px_generator_parameters(&gan->G, &o->network, err);
    return rc ? rc
              : px_generator_create(&gan->generator, gan->dnn, &o->network, &gan->G, &options, err);
}

static int create_D(struct px_gan *gan, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    struct px_patchgan_options d = {.form = {.input_nc = d_channels(gan),
                                             .ndf = o->ndf,
                                             .n_layers = o->n_layers_D,
                                             .norm = o->network.norm},
                                    .size = o->network.crop_size,
                                    .n = 2 * o->batch_size,
                                    .groups = 2,
                                    .threads = o->threads,
                                    .train_weights = true};

    int rc = px_patchgan_parameters(&gan->D, &d.form, err);
    if (!rc)
        rc = px_patchgan_create(&gan->d_step, gan->dnn, &gan->D, &d, err);
    d.n = o->batch_size;
    d.groups = 1;
    d.train_weights = false;
    d.train_input = true;
    if (!rc)
        rc = px_patchgan_create(&gan->g_step, gan->dnn, &gan->D, &d, err);
    return rc;
}

int px_gan_create(struct px_gan **out, const struct px_gan_options *options, struct px_error *err)
{
    struct px_random random;
    const struct px_network *net = &options->network;
    struct px_gan *gan = calloc(1, sizeof *gan);

    if (!gan)
        return px_fail(err, PX_E_NOMEM, "no memory for a GAN");
    gan->options = *options;
    int rc = px_dnn_create(&gan->dnn, options->threads, err);
    if (!rc)
        rc = create_G(gan, err);
    if (!rc && has_D(gan))
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
    if (!rc && has_D(gan))
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
    px_parameters_finish(&gan->G);
    px_parameters_finish(&gan->D);
    px_dnn_destroy(gan->dnn);
    free(gan->dfake);
    free(gan->tensors);
    free(gan->names);
    free(gan);
}

/* The discriminator's input: cat((A, B), 1), or B alone. */
static void join(const struct px_gan *gan, const float *a, const float *b, float *ab)
{
    const struct px_network *net = &gan->options.network;
    size_t nb = (size_t)net->output_nc, na = (size_t)d_channels(gan) - nb;
    size_t pitch = (size_t)net->input_nc;
    size_t side = (size_t)net->crop_size, pixels = (size_t)gan->options.batch_size * side * side;

#pragma omp parallel for num_threads(gan->options.threads) schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        float *to = ab + p * (na + nb);
        for (size_t c = 0; c < na; c++)
            to[c] = a[p * pitch + c];
        for (size_t c = 0; c < nb; c++)
            to[na + c] = b[p * nb + c];
    }
}

/* The part of the discriminator's input gradient that belongs to B. */
static void take_gradient(const struct px_gan *gan, const float *dab, float *db)
{
    const struct px_network *net = &gan->options.network;
    size_t nb = (size_t)net->output_nc, na = (size_t)d_channels(gan) - nb;
    size_t side = (size_t)net->crop_size, pixels = (size_t)gan->options.batch_size * side * side;

#pragma omp parallel for num_threads(gan->options.threads) schedule(static)
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < nb; c++)
            db[p * nb + c] = dab[p * (na + nb) + na + c];
}

static struct px_adam adam(const struct px_gan *gan, double lr)
{
    return (struct px_adam){.lr = lr,
                            .beta1 = gan->options.beta1,
                            .beta2 = 0.999,
                            .epsilon = 1e-8,
                            .step = gan->steps + 1,
                            .threads = gan->options.threads};
}

/* loss_D = (GAN(D(A, fake), 0) + GAN(D(A, B), 1)) / 2 */
static int step_D(struct px_gan *gan, const float *a, const float *b, const float *fake,
                  struct px_gan_losses *losses, struct px_error *err)
{
    float *in = px_patchgan_input(gan->d_step);
    const struct px_gan_options *o = &gan->options;
    size_t side = (size_t)o->network.crop_size;
    size_t half_in = (size_t)o->batch_size * side * side * (size_t)d_channels(gan);
    const float *logits;
    size_t count;

    int rc = px_patchgan_refresh(gan->d_step, err);
    if (rc)
        return rc;
    join(gan, a, fake, in);
    join(gan, a, b, in + half_in);
    rc = px_patchgan_forward(gan->d_step, &logits, &count, err);
    if (rc)
        return rc;
    float *gradient = px_patchgan_logits_gradient(gan->d_step);
    count /= 2;
    losses->D_fake = px_loss_gan(o->gan_mode, logits, count, 0, 0.5f, gradient);
    losses->D_real = px_loss_gan(o->gan_mode, logits + count, count, 1, 0.5f, gradient + count);
    return px_patchgan_backward(gan->d_step, err);
}

/* lambda_GAN * GAN(D(A, fake), 1) through the updated D; its gradient by the fake goes to dfake. */
static int judge(struct px_gan *gan, const float *a, const float *fake,
                 struct px_gan_losses *losses, struct px_error *err)
{
    const struct px_gan_options *o = &gan->options;
    float weight = (float)o->lambda_GAN;
    const float *logits;
    size_t count;

    int rc = px_patchgan_refresh(gan->g_step, err);
    if (rc)
        return rc;
    join(gan, a, fake, px_patchgan_input(gan->g_step));
    rc = px_patchgan_forward(gan->g_step, &logits, &count, err);
    if (rc)
        return rc;
    losses->G_GAN = weight * px_loss_gan(o->gan_mode, logits, count, 1, weight,
                                         px_patchgan_logits_gradient(gan->g_step));
    rc = px_patchgan_backward(gan->g_step, err);
    if (!rc)
        take_gradient(gan, px_patchgan_input_gradient(gan->g_step), gan->dfake);
    return rc;
}

/* Adds the time since the last lap to a part of the profile. */
static void lap(struct px_gan *gan, double *part)
{
    int64_t now = px_now_ns();

    *part += (double)(now - gan->lap_ns) * 1e-9;
    gan->lap_ns = now;
}

/* loss_G = lambda_GAN * GAN(D(A, fake), 1) + lambda_L1 * L1(fake, B) */
static int step_G(struct px_gan *gan, const float *a, const float *b, float *fake,
                  struct px_gan_losses *losses, struct px_error *err)
{
    const struct px_network *net = &gan->options.network;
    size_t side = (size_t)net->crop_size;
    size_t n = (size_t)gan->options.batch_size * side * side * (size_t)net->output_nc;
    int rc = 0;

    if (has_D(gan))
        rc = judge(gan, a, fake, losses, err);
    else
        memset(gan->dfake, 0, n * sizeof *gan->dfake);
    if (rc)
        return rc;
    lap(gan, &gan->profile.D);
    losses->G_L1 = px_loss_l1(fake, b, n, (float)gan->options.lambda_L1, gan->dfake);
    return px_generator_backward(gan->generator, a, gan->dfake, err);
}

int px_gan_step(struct px_gan *gan, const float *a, const float *b, double lr,
                struct px_gan_losses *losses, struct px_error *err)
{
    const struct px_adam optimiser = adam(gan, lr);
    uint64_t masks = px_hash(gan->options.seed, 1, (uint64_t)gan->steps);
    float *fake;

    *losses = (struct px_gan_losses){0};
    gan->lap_ns = px_now_ns();
    int rc = px_generator_refresh(gan->generator, err);
    if (!rc)
        rc = px_generator_forward(gan->generator, a, gan->options.network.dropout ? &masks : NULL,
                                  &fake, err);
    lap(gan, &gan->profile.G_forward);
    if (!rc && has_D(gan)) {
        rc = step_D(gan, a, b, fake, losses, err);
        lap(gan, &gan->profile.D);
        if (!rc)
            px_adam_update(&gan->D, &optimiser);
        lap(gan, &gan->profile.adam);
    }
    if (!rc)
        rc = step_G(gan, a, b, fake, losses, err);
    lap(gan, &gan->profile.G_backward);
    if (rc)
        return rc;
    px_adam_update(&gan->G, &optimiser);
    lap(gan, &gan->profile.adam);
    gan->steps++;
    gan->batches++;
    gan->d_batches += 3;
    return 0;
}

int px_gan_generate(struct px_gan *gan, const float *a, float *fake, struct px_error *err)
{
    const struct px_generator_options options = {.n = 1, .threads = gan->options.threads};
    const struct px_network *net = &gan->options.network;
    float *y;
    int rc = 0;

    if (!gan->single)
        rc = px_generator_create(&gan->single, gan->dnn, net, &gan->G, &options, err);
    if (!rc)
        rc = px_generator_refresh(gan->single, err);
    if (!rc)
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
