#ifndef TRAINER_NN_LOSS_H
#define TRAINER_NN_LOSS_H

/* The losses of pix2pix with their gradients. Means over all elements, as torch's default
 * reduction. */

#include <stddef.h>

/* What D's logits x are held to, by the label (1 real, 0 fake). */
enum px_gan_mode {
    PX_GAN_VANILLA, /* BCE-with-logits: softplus(-x) or softplus(x) */
    PX_GAN_LSGAN,   /* (x - label)^2 */
    PX_GAN_WGANGP,  /* -x or x; the reference's pix2pix adds no gradient penalty, nor does this */
};

/* The mean over the logits; where `gradient` is not NULL it gets weight * d loss / d x. */
float px_loss_gan(enum px_gan_mode mode, const float *logits, size_t count, int real, float weight,
                  float *gradient);

/* lambda * mean |y - target|; gradient[i] += its derivative by y (0 where they are equal). */
float px_loss_l1(const float *y, const float *target, size_t count, float lambda, float *gradient);

#endif
