#include "trainer/gan_parts.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"

/* Adds the time since the last lap to a part of the profile. */
static void lap(struct px_gan *gan, double *part)
{
    int64_t now = px_now_ns();

    *part += (double)(now - gan->lap_ns) * 1e-9;
    gan->lap_ns = now;
}

/* The discriminator's input: cat((A, B), 1), or B alone. */
static void join(const struct px_gan *gan, const float *a, const float *b, float *ab)
{
    const struct px_network *net = &gan->options.network;
    size_t nb = (size_t)net->output_nc, na = (size_t)px_gan_channels_D(gan) - nb;
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
    size_t nb = (size_t)net->output_nc, na = (size_t)px_gan_channels_D(gan) - nb;
    size_t side = (size_t)net->crop_size, pixels = (size_t)gan->options.batch_size * side * side;

#pragma omp parallel for num_threads(gan->options.threads) schedule(static)
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < nb; c++)
            db[p * nb + c] = dab[p * (na + nb) + na + c];
}

/* loss_D = (GAN(D(A, fake), 0) + GAN(D(A, B), 1)) / 2 */
static int step_D(struct px_gan *gan, const float *a, const float *b, const float *fake,
                  struct px_gan_losses *losses, struct px_error *err)
{
    float *in = px_patchgan_input(gan->d_step);
    const struct px_gan_options *o = &gan->options;
    size_t side = (size_t)o->network.crop_size;
    size_t half_in = (size_t)o->batch_size * side * side * (size_t)px_gan_channels_D(gan);
    const float *logits;
    size_t count;

    join(gan, a, fake, in);
    join(gan, a, b, in + half_in);
    int rc = px_patchgan_forward(gan->d_step, &logits, &count, err);
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

    join(gan, a, fake, px_patchgan_input(gan->g_step));
    int rc = px_patchgan_forward(gan->g_step, &logits, &count, err);
    if (rc)
        return rc;
    losses->G_GAN = weight * px_loss_gan(o->gan_mode, logits, count, 1, weight,
                                         px_patchgan_logits_gradient(gan->g_step));
    rc = px_patchgan_backward(gan->g_step, err);
    if (!rc)
        take_gradient(gan, px_patchgan_input_gradient(gan->g_step), gan->dfake);
    return rc;
}

/* loss_G = lambda_GAN * GAN(D(A, fake), 1) + lambda_L1 * L1(fake, B) */
static int step_G(struct px_gan *gan, const float *a, const float *b, float *fake,
                  struct px_gan_losses *losses, struct px_error *err)
{
    const struct px_network *net = &gan->options.network;
    size_t side = (size_t)net->crop_size;
    size_t n = (size_t)gan->options.batch_size * side * side * (size_t)net->output_nc;
    int rc = 0;

    if (px_gan_has_D(gan))
        rc = judge(gan, a, fake, losses, err);
    else
        memset(gan->dfake, 0, n * sizeof *gan->dfake);
    if (rc)
        return rc;
    lap(gan, &gan->profile.D);
    losses->G_L1 = px_loss_l1(fake, b, n, (float)gan->options.lambda_L1, gan->dfake);
    rc = px_generator_backward(gan->generator, a, gan->dfake, err);
    lap(gan, &gan->profile.G_backward);
    return rc;
}

/* A part of a step's pictures. */
static const float *part(const struct px_gan *gan, const float *pictures, int channels, int index)
{
    size_t side = (size_t)gan->options.network.crop_size;
    size_t n = (size_t)gan->options.batch_size * side * side * (size_t)channels;

    return pictures + (size_t)index * n;
}

static int parts_of(const struct px_gan *gan)
{
    return gan->options.accumulate > 1 ? gan->options.accumulate : 1;
}

/* The step of one optimiser from the parts' gradients. */
static void update(struct px_gan *gan, struct px_parameters *p, double lr)
{
    const struct px_adam optimiser = {.lr = lr,
                                      .beta1 = gan->options.beta1,
                                      .beta2 = 0.999,
                                      .epsilon = 1e-8,
                                      .step = gan->steps + 1,
                                      .threads = gan->options.threads};

    if (parts_of(gan) > 1)
        px_parameters_take_mean(p, parts_of(gan), gan->options.threads);
    px_adam_update(p, &optimiser);
    lap(gan, &gan->profile.adam);
}

static void keep_gradient(struct px_gan *gan, struct px_parameters *p, bool first)
{
    if (parts_of(gan) > 1)
        px_parameters_add_to_sum(p, first, gan->options.threads);
}

/* G's forward of a part; the same masks however often. */
static int make_fake(struct px_gan *gan, const float *a, int index, float **fake,
                     struct px_error *err)
{
    uint64_t masks = px_hash(gan->options.seed, (uint64_t)index + 1, (uint64_t)gan->steps);

    int rc = px_generator_forward(gan->generator, a, gan->options.network.dropout ? &masks : NULL,
                                  fake, err);
    lap(gan, &gan->profile.G_forward);
    return rc;
}

static void add_losses(struct px_gan *gan, struct px_gan_losses *sum,
                       const struct px_gan_losses *more)
{
    float share = 1.0f / (float)parts_of(gan);

    sum->G_GAN += share * more->G_GAN;
    sum->G_L1 += share * more->G_L1;
    sum->D_real += share * more->D_real;
    sum->D_fake += share * more->D_fake;
}

/* D's turn: all parts, then its update. Leaves the last part's fake in the generator. */
static int turn_D(struct px_gan *gan, const float *a, const float *b, double lr,
                  struct px_gan_losses *losses, struct px_error *err)
{
    const struct px_network *net = &gan->options.network;
    float *fake;
    int rc = px_patchgan_refresh(gan->d_step, err);

    for (int k = 0; k < parts_of(gan) && !rc; k++) {
        struct px_gan_losses found = {0};
        const float *x = part(gan, a, net->input_nc, k);
        rc = make_fake(gan, x, k, &fake, err);
        if (!rc)
            rc = step_D(gan, x, part(gan, b, net->output_nc, k), fake, &found, err);
        if (rc)
            return rc;
        px_generator_update_running(gan->generator);
        keep_gradient(gan, &gan->D, k == 0);
        add_losses(gan, losses, &found);
        lap(gan, &gan->profile.D);
    }
    if (!rc)
        update(gan, &gan->D, lr);
    return rc;
}

/* G's turn: all parts, the last one first, whose fake is there already, then its update. */
static int turn_G(struct px_gan *gan, const float *a, const float *b, double lr,
                  struct px_gan_losses *losses, struct px_error *err)
{
    const struct px_network *net = &gan->options.network;
    bool has_D = px_gan_has_D(gan);
    int last = parts_of(gan) - 1;
    int rc = has_D ? px_patchgan_refresh(gan->g_step, err) : 0;

    for (int k = last; k >= 0 && !rc; k--) {
        struct px_gan_losses found = {0};
        const float *x = part(gan, a, net->input_nc, k);
        float *fake = px_generator_output(gan->generator);
        if (!has_D || k < last)
            rc = make_fake(gan, x, k, &fake, err);
        if (!rc && !has_D)
            px_generator_update_running(gan->generator);
        if (!rc)
            rc = step_G(gan, x, part(gan, b, net->output_nc, k), fake, &found, err);
        if (rc)
            return rc;
        keep_gradient(gan, &gan->G, k == last);
        add_losses(gan, losses, &found);
    }
    if (!rc)
        update(gan, &gan->G, lr);
    return rc;
}

int px_gan_step(struct px_gan *gan, const float *a, const float *b, double lr,
                struct px_gan_losses *losses, struct px_error *err)
{
    *losses = (struct px_gan_losses){0};
    gan->lap_ns = px_now_ns();
    int rc = px_generator_refresh(gan->generator, err);

    if (!rc && px_gan_has_D(gan))
        rc = turn_D(gan, a, b, lr, losses, err);
    if (!rc)
        rc = turn_G(gan, a, b, lr, losses, err);
    if (rc)
        return rc;
    gan->steps++;
    gan->batches += parts_of(gan);
    gan->d_batches += 3 * parts_of(gan);
    return 0;
}
