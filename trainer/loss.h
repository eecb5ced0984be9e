#ifndef TRAINER_LOSS_H
#define TRAINER_LOSS_H

/* The losses of pix2pix with their gradients. Means over all elements, as torch's default
 * reduction. */

#include <stddef.h>

/* BCE-with-logits against a constant label (1 real, 0 fake): mean of softplus(-x) or softplus(x);
 * where `gradient` is not NULL it gets weight * d loss / d x. */
float px_loss_bce(const float *logits, size_t count, int real, float weight, float *gradient);

/* lambda * mean |y - target|; gradient[i] += its derivative by y (0 where they are equal). */
float px_loss_l1(const float *y, const float *target, size_t count, float lambda, float *gradient);

#endif
