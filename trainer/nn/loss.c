#include "trainer/nn/loss.h"

#include <math.h>

/* The loss of one logit and its derivative. */
struct point {
    float loss, slope;
};

static struct point vanilla(float logit, int real)
{
    float x = real ? -logit : logit;
    float sigmoid = 1.0f / (1.0f + expf(-x));

    /* softplus(x) = max(x, 0) + log(1 + exp(-|x|)) does not overflow */
    return (struct point){fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))), real ? -sigmoid : sigmoid};
}

static struct point least_squares(float logit, int real)
{
    float d = logit - (float)real;

    return (struct point){d * d, 2 * d};
}

static struct point wasserstein(float logit, int real)
{
    return (struct point){real ? -logit : logit, real ? -1.0f : 1.0f};
}

float px_loss_gan(enum px_gan_mode mode, const float *logits, size_t count, int real, float weight,
                  float *gradient)
{
    double sum = 0;
    float scale = weight / (float)count;

    for (size_t i = 0; i < count; i++) {
        struct point p = mode == PX_GAN_VANILLA ? vanilla(logits[i], real)
                         : mode == PX_GAN_LSGAN ? least_squares(logits[i], real)
                                                : wasserstein(logits[i], real);
        sum += (double)p.loss;
        if (gradient)
            gradient[i] = scale * p.slope;
    }
    return (float)(sum / (double)count);
}

float px_loss_l1(const float *y, const float *target, size_t count, float lambda, float *gradient)
{
    double sum = 0;
    float step = lambda / (float)count;

    for (size_t i = 0; i < count; i++) {
        float d = y[i] - target[i];
        sum += (double)fabsf(d);
        gradient[i] += d > 0 ? step : d < 0 ? -step : 0.0f;
    }
    return lambda * (float)(sum / (double)count);
}
