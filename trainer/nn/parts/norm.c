#include "trainer/nn/parts/norm_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float EPSILON = 1e-5f, MOMENTUM = 0.1f;

int px_norm_layer_init(struct px_norm_layer *norm, struct px_error *err)
{
    size_t n = (size_t)norm->groups * (size_t)norm->channels;

    norm->mean = calloc(4 * n, sizeof *norm->mean);
    norm->partial = calloc(2 * n * (size_t)norm->threads, sizeof *norm->partial);
    if (!norm->mean || !norm->partial)
        return px_fail(err, PX_E_NOMEM, "no memory for the statistics of %d channels",
                       norm->channels);
    norm->rstd = norm->mean + n;
    norm->scale = norm->rstd + n;
    norm->shift = norm->scale + n;
    for (size_t i = 0; i < n; i++)
        norm->rstd[i] = norm->scale[i] = 1.0f;
    return 0;
}

void px_norm_layer_clear(struct px_norm_layer *norm)
{
    free(norm->mean);
    free(norm->partial);
    norm->mean = norm->partial = NULL;
}

void px_norm_each_thread(struct px_norm_layer *norm, void (*work)(struct px_norm_layer *, int))
{
#pragma omp parallel for num_threads(norm->threads) schedule(static, 1)
    for (int t = 0; t < norm->threads; t++)
        work(norm, t);
}

/* sum[c] = sum of x - x0, square[c] = sum of (x - x0)^2, x0 the group's first pixel: the shift by
 * one sample keeps the difference of squares sound when the mean is far from 0. */
PX_INLINE void sum_kernel(const struct px_norm_pixels *g, struct px_norm_range r, float *sums,
                          bool bf16)
{
    size_t channels = g->channels;
    const void *x = g->x;
    float *sum = sums, *square = sums + channels;

    for (size_t p = r.begin; p < r.end; p++)
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            float d = px_load(x, p * channels + c, bf16) - px_load(x, c, bf16);
            sum[c] += d;
            square[c] += d * d;
        }
}

PX_CLONES static void sum_pixels(const struct px_norm_pixels *g, struct px_norm_range r,
                                 float *sums)
{
    memset(sums, 0, 2 * g->channels * sizeof *sums);
    if (g->bf16)
        sum_kernel(g, r, sums, true);
    else
        sum_kernel(g, r, sums, false);
}

static void statistics_share(struct px_norm_layer *norm, int thread)
{
    struct px_norm_range r = px_norm_share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        const struct px_norm_pixels pixels = px_norm_group(norm, g);
        sum_pixels(&pixels, r, px_norm_partial(norm, thread, g));
    }
}

static void statistics(struct px_norm_layer *norm)
{
    size_t channels = (size_t)norm->channels;

    px_norm_each_thread(norm, statistics_share);

    float inverse = 1.0f / (float)norm->pixels;
    for (int g = 0; g < norm->groups; g++) {
        const struct px_norm_pixels pixels = px_norm_group(norm, g);
        const float *sums = px_norm_reduce(norm, g);
        size_t at = (size_t)g * channels;
        for (size_t c = 0; c < channels; c++) {
            float d = sums[c] * inverse;
            float variance = sums[channels + c] * inverse - d * d;
            norm->mean[at + c] = px_load(pixels.x, c, pixels.bf16) + d;
            norm->rstd[at + c] = 1.0f / sqrtf((variance > 0 ? variance : 0) + EPSILON);
            norm->scale[at + c] = (norm->gamma ? norm->gamma[c] : 1.0f) * norm->rstd[at + c];
            norm->shift[at + c] =
                (norm->beta ? norm->beta[c] : 0.0f) - norm->mean[at + c] * norm->scale[at + c];
        }
    }
}

/* A group on its way to one target, which is moved to the group's first pixel. */
struct norm_forward {
    struct px_norm_pixels from;
    const float *scale, *shift; /* n = x * scale + shift */
    const float *mask;          /* or NULL */
    struct px_norm_target target;
};

PX_INLINE void apply_kernel(const struct norm_forward *f, struct px_norm_range r, bool masked,
                            bool bf16)
{
    const float *scale = f->scale, *shift = f->shift, *mask = f->mask;
    size_t channels = f->from.channels, pitch = f->target.pitch;
    const void *x = f->from.x;
    void *out = f->target.data;
    float slope = f->target.slope;

    for (size_t p = r.begin; p < r.end; p++)
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            float d = px_load(x, p * channels + c, bf16) * scale[c] + shift[c];
            if (masked)
                d *= mask[p * channels + c];
            px_store(out, p * pitch + c, d > 0 ? d : slope * d, bf16);
        }
}

PX_CLONES static void apply_pixels(const struct norm_forward *f, struct px_norm_range r)
{
    if (f->from.bf16 && f->mask)
        apply_kernel(f, r, true, true);
    else if (f->from.bf16)
        apply_kernel(f, r, false, true);
    else if (f->mask)
        apply_kernel(f, r, true, false);
    else
        apply_kernel(f, r, false, false);
}

static void apply_share(struct px_norm_layer *norm, int thread)
{
    struct px_norm_range r = px_norm_share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        size_t at = (size_t)g * (size_t)norm->channels;
        struct norm_forward f = {.from = px_norm_group(norm, g),
                                 .scale = norm->scale + at,
                                 .shift = norm->shift + at,
                                 .mask = px_norm_group_mask(norm, g)};
        for (int t = 0; t < norm->target_count; t++) {
            f.target = px_norm_group_target(norm, t, g);
            apply_pixels(&f, r);
        }
    }
}

void px_norm_layer_forward(struct px_norm_layer *norm)
{
    if (norm->normalise)
        statistics(norm);
    px_norm_each_thread(norm, apply_share);
}

void px_norm_layer_update_running(const struct px_norm_layer *norm, float *running_mean,
                                  float *running_var)
{
    float n = (float)norm->pixels;
    size_t channels = (size_t)norm->channels;

    for (int g = 0; g < norm->groups; g++)
        for (size_t c = 0; c < channels; c++) {
            float rstd = norm->rstd[(size_t)g * channels + c];
            float variance = (1.0f / (rstd * rstd) - EPSILON) * (n > 1 ? n / (n - 1) : 1);
            running_mean[c] += MOMENTUM * (norm->mean[(size_t)g * channels + c] - running_mean[c]);
            running_var[c] += MOMENTUM * (variance - running_var[c]);
        }
}
