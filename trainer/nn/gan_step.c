#include "trainer/nn/parts/gan_parts.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "trainer/nn/parts/element.h"

/* Some of the pictures of a step, and their part in its updates. */
struct part {
    const float *a, *b;
    struct px_update update;
};

/* Adds the time since the last lap to a part of the profile, except Adam's, which has its own. */
static void lap(struct px_gan *gan, double *to)
{
    int64_t now = px_now_ns();
    double adam = px_weights_seconds(gan->weights_G) - gan->profile.adam;

    if (px_gan_has_D(gan))
        adam += px_weights_seconds(gan->weights_D);
    *to += (double)(now - gan->lap_ns) * 1e-9 - adam;
    gan->profile.adam += adam;
    gan->lap_ns = now;
}

/* The discriminator's input: cat((A, B), 1), or B alone. */
static void join(const struct px_gan *gan, const float *a, const float *b, void *ab)
{
    const struct px_network *net = &gan->options.network;
    size_t nb = (size_t)net->output_nc, na = (size_t)px_gan_channels_D(gan) - nb;
    size_t pitch = (size_t)net->input_nc;
    bool bf16 = gan->options.dtype == PX_BF16;
    size_t pixels = px_gan_pixels(gan);

#pragma omp parallel for num_threads(gan->options.threads) schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < na; c++)
            px_store(ab, p * (na + nb) + c, a[p * pitch + c], bf16);
        for (size_t c = 0; c < nb; c++)
            px_store(ab, p * (na + nb) + na + c, b[p * nb + c], bf16);
    }
}

/* The part of the discriminator's input gradient that belongs to B. */
static void take_gradient(const struct px_gan *gan, const float *dab, float *db)
{
    const struct px_network *net = &gan->options.network;
    size_t nb = (size_t)net->output_nc, na = (size_t)px_gan_channels_D(gan) - nb;
    size_t pixels = px_gan_pixels(gan);

#pragma omp parallel for num_threads(gan->options.threads) schedule(static)
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < nb; c++)
            db[p * nb + c] = dab[p * (na + nb) + na + c];
}

/* loss_D = (GAN(D(A, fake), 0) + GAN(D(A, B), 1)) / 2 */
static int step_D(struct px_gan *gan, const struct part *part, const float *fake,
                  struct px_gan_losses *losses, struct px_error *err)
{
    void *in = px_patchgan_input(gan->d_step);
    const struct px_gan_options *o = &gan->options;
    size_t half_in = px_gan_pixels(gan) * (size_t)px_gan_channels_D(gan);
    const float *logits;
    size_t count;

    join(gan, part->a, fake, in);
    join(gan, part->a, part->b, px_element(in, half_in, o->dtype));
    int rc = px_patchgan_forward(gan->d_step, &logits, &count, err);
    if (rc)
        return rc;
    float *gradient = px_patchgan_logits_gradient(gan->d_step);
    count /= 2;
    losses->D_fake = px_loss_gan(o->gan_mode, logits, count, 0, 0.5f, gradient);
    losses->D_real = px_loss_gan(o->gan_mode, logits + count, count, 1, 0.5f, gradient + count);
    return px_patchgan_backward(gan->d_step, &part->update, err);
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
    rc = px_patchgan_backward(gan->g_step, NULL, err);
    if (!rc)
        take_gradient(gan, px_patchgan_input_gradient(gan->g_step), gan->dfake);
    return rc;
}

/* loss_G = lambda_GAN * GAN(D(A, fake), 1) + lambda_L1 * L1(fake, B) */
static int step_G(struct px_gan *gan, const struct part *part, const float *fake,
                  struct px_gan_losses *losses, struct px_error *err)
{
    const struct px_network *net = &gan->options.network;
    size_t n = px_gan_pixels(gan) * (size_t)net->output_nc;
    int rc = 0;

    if (px_gan_has_D(gan))
        rc = judge(gan, part->a, fake, losses, err);
    else
        memset(gan->dfake, 0, n * sizeof *gan->dfake);
    if (rc)
        return rc;
    lap(gan, &gan->profile.D);
    losses->G_L1 = px_loss_l1(fake, part->b, n, (float)gan->options.lambda_L1, gan->dfake);
    rc = px_generator_backward(gan->generator, gan->dfake, &part->update, err);
    lap(gan, &gan->profile.G_backward);
    return rc;
}

/* A whole step's pictures, and the update's rate. */
struct gan_turn {
    const float *a, *b;
    double lr;
    float weight; /* of this rank */
};

/* The index-th of a turn's parts, which is taken as number `order`. */
static struct part part_of(const struct px_gan *gan, const struct gan_turn *turn, int index,
                           int order)
{
    const struct px_network *net = &gan->options.network;
    size_t at = (size_t)index * px_gan_pixels(gan);
    const struct px_adam adam = {.lr = turn->lr,
                                 .beta1 = gan->options.beta1,
                                 .beta2 = 0.999,
                                 .epsilon = 1e-8,
                                 .step = gan->steps + 1};
    struct part part = {.a = turn->a + at * (size_t)net->input_nc,
                        .b = turn->b + at * (size_t)net->output_nc,
                        .update = {.part = order,
                                   .parts = gan->parts,
                                   .ranks = gan->options.ranks,
                                   .weight = turn->weight}};

    px_adam_factors(&adam, &part.update.adam);
    return part;
}

/* G's forward of a part; the same masks however often. */
static int make_fake(struct px_gan *gan, const float *a, int index, float **fake,
                     struct px_error *err)
{
    int all = px_ranks_index(gan->options.ranks) * gan->parts + index;
    uint64_t masks = px_hash(gan->options.seed, (uint64_t)all + 1, (uint64_t)gan->steps);

    int rc = px_generator_forward(gan->generator, a, gan->options.network.dropout ? &masks : NULL,
                                  fake, err);
    lap(gan, &gan->profile.G_forward);
    return rc;
}

static void add_losses(struct px_gan *gan, struct px_gan_losses *sum,
                       const struct px_gan_losses *more)
{
    float share = 1.0f / (float)gan->parts;

    sum->G_GAN += share * more->G_GAN;
    sum->G_L1 += share * more->G_L1;
    sum->D_real += share * more->D_real;
    sum->D_fake += share * more->D_fake;
}

/* D's turn: all parts, the last of which updates it and leaves its fake in the generator. */
static int turn_D(struct px_gan *gan, const struct gan_turn *turn, struct px_gan_losses *losses,
                  struct px_error *err)
{
    float *fake;

    px_weights_refresh(gan->weights_D);
    for (int k = 0; k < gan->parts; k++) {
        struct px_gan_losses found = {0};
        const struct part part = part_of(gan, turn, k, k);
        int rc = make_fake(gan, part.a, k, &fake, err);
        if (!rc)
            rc = step_D(gan, &part, fake, &found, err);
        if (rc)
            return rc;
        px_generator_update_running(gan->generator);
        add_losses(gan, losses, &found);
        lap(gan, &gan->profile.D);
    }
    return 0;
}

/* G's turn: all parts, the last one first, whose fake is there already. */
static int turn_G(struct px_gan *gan, const struct gan_turn *turn, struct px_gan_losses *losses,
                  struct px_error *err)
{
    bool has_D = px_gan_has_D(gan);
    int last = gan->parts - 1, rc = 0;

    for (int k = last; k >= 0; k--) {
        struct px_gan_losses found = {0};
        const struct part part = part_of(gan, turn, k, last - k);
        float *fake = px_generator_output(gan->generator);
        if (!has_D || k < last)
            rc = make_fake(gan, part.a, k, &fake, err);
        if (!rc && !has_D)
            px_generator_update_running(gan->generator);
        if (!rc)
            rc = step_G(gan, &part, fake, &found, err);
        if (rc)
            return rc;
        add_losses(gan, losses, &found);
    }
    return 0;
}

static void sum_running(struct px_gan *gan, const struct px_parameters *p, float weight)
{
    size_t count = p->total - p->trainable;
    float *running = p->value + p->trainable;

    for (size_t i = 0; i < count; i++)
        running[i] *= weight;
    if (count > 0)
        px_ranks_sum(gan->options.ranks, running, count);
}

/* What ranks have each for itself becomes one: losses, running statistics, counts of batches. */
static void unite(struct px_gan *gan, float weight, struct px_gan_losses *losses)
{
    float parts = px_ranks_index(gan->options.ranks) == 0 ? (float)gan->parts : 0;
    float all[] = {losses->G_GAN * weight, losses->G_L1 * weight, losses->D_real * weight,
                   losses->D_fake * weight, parts};

    px_ranks_sum(gan->options.ranks, all, sizeof all / sizeof *all);
    *losses = (struct px_gan_losses){all[0], all[1], all[2], all[3]};
    gan->batches += (int64_t)all[4];
    gan->d_batches += 3 * (int64_t)all[4];
    sum_running(gan, &gan->G, weight);
    if (px_gan_has_D(gan))
        sum_running(gan, &gan->D, weight);
}

int px_gan_step(struct px_gan *gan, const struct px_train_batch *batch, double lr,
                struct px_gan_losses *losses, struct px_error *err)
{
    float weight = batch->idle ? 0 : (float)batch->count / (float)batch->total;
    const struct gan_turn turn = {batch->input, batch->target, lr, batch->total ? weight : 1};
    int rc = px_gan_fit_size(gan, batch, err);

    if (!rc) {
        px_gan_fit_count(gan, batch);
        rc = px_gan_prepare(gan, err);
    }

    if (rc)
        return rc;
    assert(gan->n * gan->parts == batch->count && gan->dfake);
    *losses = (struct px_gan_losses){0};
    gan->lap_ns = px_now_ns();
    px_weights_refresh(gan->weights_G);
    if (px_gan_has_D(gan))
        rc = turn_D(gan, &turn, losses, err);
    if (!rc)
        rc = turn_G(gan, &turn, losses, err);
    if (rc)
        return rc;
    gan->steps++;
    if (gan->options.ranks) {
        unite(gan, turn.weight, losses);
        return 0;
    }
    gan->batches += gan->parts;
    gan->d_batches += 3 * gan->parts;
    return 0;
}
