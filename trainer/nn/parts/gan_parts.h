#ifndef TRAINER_NN_PARTS_GAN_PARTS_H
#define TRAINER_NN_PARTS_GAN_PARTS_H

/* Private to the files of px_gan: gan.c, gan_step.c and gan_tensors.c. */

#include "trainer/nn/gan.h"
#include "trainer/nn/parts/generator.h"
#include "trainer/nn/parts/parameters.h"
#include "trainer/nn/parts/weights.h"
#include "trainer/nn/patchgan.h"

struct px_gan {
    struct px_gan_options options;
    struct px_dnn *dnn;
    struct px_parameters G, D;
    struct px_weights *weights_G, *weights_D;
    int height, width; /* of the images; what follows is made for them, and NULL until it is used */
    int n, parts;      /* a step takes `parts` batches of n images; likewise */
    struct px_generator *generator; /* n images, trained */
    struct px_generator *single;    /* one image, forward only */
    struct px_patchgan *d_step;     /* fake and real images, gradients by weights */
    struct px_patchgan *g_step;     /* fake images, gradient by the input */
    float *dfake;                   /* (batch, height, width, output_nc) */
    struct px_gan_profile profile;
    int64_t lap_ns; /* px_now_ns() when the last part of a step ended */
    int64_t steps;
    int64_t batches; /* num_batches_tracked of G's norms; D's see three batches a step */
    int64_t d_batches;
    struct px_tensor *tensors;
    size_t tensor_count;
    struct px_tensor *generator_tensors;
    size_t generator_count;
    char (*names)[PX_NAME_MAX + 64]; /* of the tensors */
};

static inline bool px_gan_has_D(const struct px_gan *gan)
{
    return gan->options.lambda_GAN > 0;
}

/* Pixels of a batch. */
static inline size_t px_gan_pixels(const struct px_gan *gan)
{
    return (size_t)gan->n * (size_t)gan->height * (size_t)gan->width;
}

/* Channels that D sees. */
static inline int px_gan_channels_D(const struct px_gan *gan)
{
    const struct px_gan_options *o = &gan->options;

    return (o->unconditional ? 0 : o->network.input_nc) + o->network.output_nc;
}

/* Adopts the size of the batch's images. What was made for another size is freed. INVALID if the
 * network does not take it. */
int px_gan_fit_size(struct px_gan *gan, const struct px_train_batch *batch, struct px_error *err);

/* The same for the number of its images. */
void px_gan_fit_count(struct px_gan *gan, const struct px_train_batch *batch);

/* Makes whatever a step still needs for the current size and number. */
int px_gan_prepare(struct px_gan *gan, struct px_error *err);

/* Lists what px_gan_tensors() gives, once the networks are there. */
int px_gan_list_tensors(struct px_gan *gan, struct px_error *err);

#endif
