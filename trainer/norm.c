#include "trainer/norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"

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

void px_norm_layer_finish(struct px_norm_layer *norm)
{
    free(norm->mean);
    free(norm->partial);
    norm->mean = norm->partial = NULL;
}

/* A thread's share of the pixels of a group. */
struct range {
    size_t begin, end;
};

static struct range share(size_t pixels, int thread, int threads)
{
    size_t t = (size_t)thread, n = (size_t)threads;
    return (struct range){pixels * t / n, pixels * (t + 1) / n};
}

/* Runs work(norm, t) for t = 0..threads-1, all at once. The shares do not depend on how many
 * threads OpenMP really gives. */
static void each_thread(struct px_norm_layer *norm, void (*work)(struct px_norm_layer *, int))
{
#pragma omp parallel for num_threads(norm->threads) schedule(static, 1)
    for (int t = 0; t < norm->threads; t++)
        work(norm, t);
}

static float *partial(const struct px_norm_layer *norm, int thread, int group)
{
    return norm->partial +
           ((size_t)thread * (size_t)norm->groups + (size_t)group) * 2 * (size_t)norm->channels;
}

/* sum[c] = sum of x - x0, square[c] = sum of (x - x0)^2: the shift by one sample keeps the
 * difference of squares sound when the mean is far from 0. */
PX_CLONES static void sum_pixels(const float *x, const float *x0, size_t pixels, size_t channels,
                                 float *sums)
{
    float *sum = sums, *square = sums + channels;

    memset(sums, 0, 2 * channels * sizeof *sums);
    for (size_t p = 0; p < pixels; p++, x += channels)
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            float d = x[c] - x0[c];
            sum[c] += d;
            square[c] += d * d;
        }
}

/* Adds the threads' partial sums of a group into the first thread's, in thread order. */
static float *reduce(const struct px_norm_layer *norm, int group)
{
    size_t n = 2 * (size_t)norm->channels;
    float *total = partial(norm, 0, group);

    for (int t = 1; t < norm->threads; t++) {
        const float *more = partial(norm, t, group);
        for (size_t i = 0; i < n; i++)
            total[i] += more[i];
    }
    return total;
}

static void statistics_share(struct px_norm_layer *norm, int thread)
{
    size_t channels = (size_t)norm->channels;
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        const float *x = norm->x + (size_t)g * norm->pixels * channels;
        sum_pixels(x + r.begin * channels, x, r.end - r.begin, channels, partial(norm, thread, g));
    }
}

static void statistics(struct px_norm_layer *norm)
{
    size_t channels = (size_t)norm->channels;

    each_thread(norm, statistics_share);

    float inverse = 1.0f / (float)norm->pixels;
    for (int g = 0; g < norm->groups; g++) {
        const float *x0 = norm->x + (size_t)g * norm->pixels * channels;
        const float *sums = reduce(norm, g);
        size_t at = (size_t)g * channels;
        for (size_t c = 0; c < channels; c++) {
            float d = sums[c] * inverse;
            float variance = sums[channels + c] * inverse - d * d;
            norm->mean[at + c] = x0[c] + d;
            norm->rstd[at + c] = 1.0f / sqrtf((variance > 0 ? variance : 0) + EPSILON);
            norm->scale[at + c] = (norm->gamma ? norm->gamma[c] : 1.0f) * norm->rstd[at + c];
            norm->shift[at + c] =
                (norm->beta ? norm->beta[c] : 0.0f) - norm->mean[at + c] * norm->scale[at + c];
        }
    }
}

struct affine { /* n = x * scale + shift */
    const float *scale, *shift;
    size_t channels;
};

PX_CLONES static void apply_pixels(const struct affine *a, const float *x, const float *mask,
                                   const struct px_norm_target *target, size_t begin, size_t end)
{
    const float *scale = a->scale, *shift = a->shift;
    size_t channels = a->channels;
    float slope = target->slope;

    for (size_t p = begin; p < end; p++) {
        const float *in = x + p * channels;
        float *out = target->data + p * target->pitch;
        if (mask) {
            const float *m = mask + p * channels;
#pragma omp simd
            for (size_t c = 0; c < channels; c++) {
                float d = (in[c] * scale[c] + shift[c]) * m[c];
                out[c] = d > 0 ? d : slope * d;
            }
        } else {
#pragma omp simd
            for (size_t c = 0; c < channels; c++) {
                float d = in[c] * scale[c] + shift[c];
                out[c] = d > 0 ? d : slope * d;
            }
        }
    }
}

/* The view of one group: the same target, mask and x, moved to the group's first pixel. */
static struct px_norm_target group_target(const struct px_norm_layer *norm, int t, int group)
{
    struct px_norm_target target = norm->targets[t];
    size_t offset = (size_t)group * norm->pixels * target.pitch;

    target.data += offset;
    if (target.gradient)
        target.gradient += offset;
    return target;
}

static void apply_share(struct px_norm_layer *norm, int thread)
{
    size_t channels = (size_t)norm->channels;
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        size_t at = (size_t)g * channels, offset = at * norm->pixels;
        const struct affine a = {norm->scale + at, norm->shift + at, channels};
        const float *mask = norm->mask ? norm->mask + offset : NULL;
        for (int t = 0; t < norm->target_count; t++) {
            struct px_norm_target target = group_target(norm, t, g);
            apply_pixels(&a, norm->x + offset, mask, &target, r.begin, r.end);
        }
    }
}

void px_norm_layer_forward(struct px_norm_layer *norm)
{
    if (norm->normalise)
        statistics(norm);
    each_thread(norm, apply_share);
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

/* dx += the part of dn that comes from one target (dx = for the first). */
PX_CLONES static void gather_pixels(const struct affine *a, const float *x, float *dx,
                                    const struct px_norm_target *target, size_t begin, size_t end,
                                    bool first)
{
    const float *scale = a->scale, *shift = a->shift;
    size_t channels = a->channels;
    float slope = target->slope;

    for (size_t p = begin; p < end; p++) {
        const float *in = x + p * channels, *gradient = target->gradient + p * target->pitch;
        float *out = dx + p * channels;
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            float n = in[c] * scale[c] + shift[c];
            float g = n > 0 ? gradient[c] : slope * gradient[c];
            out[c] = first ? g : out[c] + g;
        }
    }
}

PX_CLONES static void mask_pixels(float *dx, const float *mask, size_t n)
{
    /* A dropped element gives d = 0, whose activation has the gradient slope * g; the mask makes it
     * 0. A kept one has the sign of n, so gather_pixels() may look at n instead of d. */
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        dx[i] *= mask[i];
}

/* sums: (sum of dn, sum of dn * xhat) over the pixels. */
PX_CLONES static void sum_gradients(const float *x, const float *dn, const float *mean,
                                    const float *rstd, size_t pixels, size_t channels, float *sums)
{
    float *sum = sums, *dot = sums + channels;

    memset(sums, 0, 2 * channels * sizeof *sums);
    for (size_t p = 0; p < pixels; p++, x += channels, dn += channels)
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            sum[c] += dn[c];
            dot[c] += dn[c] * ((x[c] - mean[c]) * rstd[c]);
        }
}

/* dx = gamma * rstd * (dn - mean(dn) - xhat * mean(dn * xhat)), in place. */
struct norm_gradient {
    const float *mean, *rstd, *scale, *sum, *dot;
    size_t channels;
    float inverse; /* 1 / pixels */
};

PX_CLONES static void finish_pixels(const struct norm_gradient *n, const float *x, float *dx,
                                    size_t pixels)
{
    const float *mean = n->mean, *rstd = n->rstd, *scale = n->scale, *sum = n->sum, *dot = n->dot;
    size_t channels = n->channels;
    float inverse = n->inverse;

    for (size_t p = 0; p < pixels; p++, x += channels, dx += channels)
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            float xhat = (x[c] - mean[c]) * rstd[c];
            dx[c] = scale[c] * (dx[c] - inverse * (sum[c] + xhat * dot[c]));
        }
}

/* dn of one group and range, into dx. */
static void gather(struct px_norm_layer *norm, int group, struct range r)
{
    size_t channels = (size_t)norm->channels;
    size_t at = (size_t)group * channels, offset = at * norm->pixels;
    const struct affine a = {norm->scale + at, norm->shift + at, channels};
    bool first = true;

    for (int t = 0; t < norm->target_count; t++) {
        struct px_norm_target target = group_target(norm, t, group);
        if (!target.gradient)
            continue;
        gather_pixels(&a, norm->x + offset, norm->dx + offset, &target, r.begin, r.end, first);
        first = false;
    }
    if (norm->mask)
        mask_pixels(norm->dx + offset + r.begin * channels,
                    norm->mask + offset + r.begin * channels, (r.end - r.begin) * channels);
}

static void gather_share(struct px_norm_layer *norm, int thread)
{
    size_t channels = (size_t)norm->channels;
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        size_t at = (size_t)g * channels, from = at * norm->pixels + r.begin * channels;
        gather(norm, g, r);
        if (norm->normalise)
            sum_gradients(norm->x + from, norm->dx + from, norm->mean + at, norm->rstd + at,
                          r.end - r.begin, channels, partial(norm, thread, g));
    }
}

static void finish_share(struct px_norm_layer *norm, int thread)
{
    size_t channels = (size_t)norm->channels;
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        size_t at = (size_t)g * channels, from = at * norm->pixels + r.begin * channels;
        const float *sums = partial(norm, 0, g);
        const struct norm_gradient n = {.mean = norm->mean + at,
                                        .rstd = norm->rstd + at,
                                        .scale = norm->scale + at,
                                        .sum = sums,
                                        .dot = sums + channels,
                                        .channels = channels,
                                        .inverse = 1.0f / (float)norm->pixels};
        finish_pixels(&n, norm->x + from, norm->dx + from, r.end - r.begin);
    }
}

void px_norm_layer_backward(struct px_norm_layer *norm)
{
    size_t channels = (size_t)norm->channels;

    each_thread(norm, gather_share);
    if (!norm->normalise)
        return;
    for (int g = 0; g < norm->groups; g++) {
        const float *sums = reduce(norm, g);
        for (size_t c = 0; c < channels && norm->dgamma; c++) {
            norm->dbeta[c] = sums[c] + (g ? norm->dbeta[c] : 0);
            norm->dgamma[c] = sums[channels + c] + (g ? norm->dgamma[c] : 0);
        }
    }
    each_thread(norm, finish_share);
}
