#ifndef TRAINER_NN_GAN_H
#define TRAINER_NN_GAN_H

/* The pix2pix training step (Isola et al. 2017, as pytorch-CycleGAN-and-pix2pix computes it): a
 * generator G, a PatchGAN discriminator D on (A, B), D's loss halved, G's loss
 * lambda_GAN * GAN + lambda_L1 * L1, Adam for both. One step: G forward; D step on fake (detached)
 * and real; G step through the updated D. With lambda_GAN 0 there is no D.
 *
 * In bf16 the convolutions read and write bf16 (trainer/nn/parts/generator.h says what is rounded);
 * losses, sums, statistics, gradients by weights, Adam, weights and moments stay f32, so that
 * the files have the same form for both.
 *
 * Owns weights, moments and activations, allocated when they are first needed. Serves one thread at
 * a time (its OpenMP team does the work). Reproducible bit by bit for the same seed, thread count
 * and CPU. px_gan_step() is in gan_step.c, what lists tensors and counts parameters in
 * gan_tensors.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/network/network.h"
#include "model/network/tensor.h"
#include "trainer/data/batch.h"
#include "trainer/nn/init.h"
#include "trainer/nn/loss.h"
#include "trainer/nn/patchgan.h"
#include "trainer/ranks/ranks.h"

struct px_gan;

struct px_gan_options {
    struct px_network network; /* G; images are squares of crop_size at first */
    int ndf;
    int n_layers_D; /* 3: the 70x70 PatchGAN; 1..PX_MAX_D_LAYERS; 0: the PixelDiscriminator */
    int batch_size;
    int accumulate; /* a step's gradients are the means over this many batches; 0 is as 1 */
    int threads;
    enum px_dtype dtype; /* PX_BF16; all else is PX_F32 */
    double beta1;        /* Adam: beta2 0.999, epsilon 1e-8 */
    enum px_gan_mode gan_mode;
    double lambda_GAN, lambda_L1;
    bool unconditional; /* D sees B alone, not (A, B) */
    struct px_init init;
    uint64_t seed;          /* of the initial weights and of dropout */
    struct px_ranks *ranks; /* that take each step together; borrowed; NULL: one */
};

int px_gan_create(struct px_gan **out, const struct px_gan_options *options, struct px_error *err);
void px_gan_destroy(struct px_gan *gan); /* accepts NULL */

/* As the reference logs them: G_GAN and G_L1 already multiplied by their lambda, D_real and D_fake
 * not halved; without D all but G_L1 are 0. */
struct px_gan_losses {
    float G_GAN, G_L1, D_real, D_fake;
};

/* One step on 1 to batch_size * accumulate pairs, with the learning rate lr. Sides must be
 * multiples of what the network takes (INVALID otherwise) and at least its smallest side and D's.
 * Batches of the same size as before cost nothing extra; for another size, activations and
 * convolutions are made anew, while parameters, moments and counters stay.
 *
 * The pairs are taken in parts of one size, the largest that divides their number and is at most
 * batch_size. All parts contribute to D's update before any contributes to G's, so without batch
 * norm and dropout the result is that of one large batch.
 *
 * With several ranks each gives its share of the step's pictures, and all get the same weights,
 * running statistics (the mean of all ranks') and losses. Every rank must call it as often as the
 * others; one that fails must end all. */
int px_gan_step(struct px_gan *gan, const struct px_train_batch *batch, double lr,
                struct px_gan_losses *losses, struct px_error *err);

/* A number that depends on every bit of what px_gan_tensors() lists. */
uint64_t px_gan_fingerprint(const struct px_gan *gan);

/* A number that depends on the layouts of gradients for pictures of crop_size, which the CPU and
 * ONEDNN_MAX_CPU_ISA decide. With several ranks it must be the same for all. */
uint64_t px_gan_layouts(const struct px_gan *gan);

/* Seconds spent in all steps so far: G forward, everything of D (its step and G's gradient through
 * it), G backward (with L1), both Adam updates of convolution weights (with packing them). */
struct px_gan_profile {
    double G_forward, D, G_backward, adam;
};
const struct px_gan_profile *px_gan_profile(const struct px_gan *gan);

/* G(input) of a batch of one picture, written to fake, (1, height, width, output_nc): norm on the
 * picture's own statistics, dropout off. The target is not read and nothing that a step uses
 * changes. For validation and pictures; sizes as above. */
int px_gan_generate(struct px_gan *gan, const struct px_train_batch *picture, float *fake,
                    struct px_error *err);

/* All that a step changes, as named tensors: "G." and "D." + the state_dict's names, and the
 * moments "G.adam_m.NAME", "G.adam_v.NAME", "D....". `data` may be read to save between steps, and
 * written to resume before the first of them (and before the first picture); the count of steps
 * taken (Adam's t and dropout's stream) is the tensor "steps", i64, shape []. The list lives as
 * long as the gan. */
size_t px_gan_tensors(const struct px_gan *gan, const struct px_tensor **tensors);

/* Those of the generator alone, under the state_dict's names and without moments: what a checkpoint
 * holds. Their data is that of the list above. */
size_t px_gan_generator_tensors(const struct px_gan *gan, const struct px_tensor **tensors);

size_t px_gan_parameters_G(const struct px_gan *gan);
size_t px_gan_parameters_D(const struct px_gan *gan); /* 0 without D */

#endif
