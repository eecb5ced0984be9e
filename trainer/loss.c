#include "trainer/loss.h"

#include <math.h>

float px_loss_bce(const float *logits, size_t count, int real, float weight, float *gradient)
{
    double sum = 0;
    float scale = weight / (float)count;

    for (size_t i = 0; i < count; i++) {
        float x = real ? -logits[i] : logits[i];
        /* softplus(x) = max(x, 0) + log(1 + exp(-|x|)) does not overflow */
        sum += (double)(fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))));
        if (gradient) {
            float sigmoid = 1.0f / (1.0f + expf(-x));
            gradient[i] = scale * (real ? -sigmoid : sigmoid);
        }
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
