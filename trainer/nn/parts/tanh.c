#include "trainer/nn/parts/tanh.h"

#include <math.h>

#include "trainer/nn/parts/element.h"

void px_tanh_forward(const struct px_tanh *t, const float *bias, float *y)
{
    size_t channels = t->channels;

#pragma omp parallel for num_threads(t->threads) schedule(static)
    for (size_t i = 0; i < t->pixels; i++)
        for (size_t c = 0; c < channels; c++)
            y[i * channels + c] = tanhf(y[i * channels + c] + (bias ? bias[c] : 0.0f));
}

void px_tanh_backward(const struct px_tanh *t, const float *y, const float *dy, void *dx,
                      float *dbias)
{
    size_t channels = t->channels, n = t->pixels * channels;
    bool bf16 = t->dtype == PX_BF16;

#pragma omp parallel for num_threads(t->threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        px_store(dx, i, dy[i] * (1.0f - y[i] * y[i]), bf16);
    for (size_t c = 0; c < channels && dbias; c++) {
        double sum = 0;
        for (size_t i = c; i < n; i += channels)
            sum += (double)(dy[i] * (1.0f - y[i] * y[i]));
        dbias[c] = (float)sum;
    }
}
