#include "trainer/norm.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/element.h"

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

/* A group's first element, and how it is stored. */
struct pixels {
    const void *x;
    size_t channels;
    bool bf16;
};

static struct pixels group_pixels(const struct px_norm_layer *norm, int group)
{
    size_t channels = (size_t)norm->channels;

    return (struct pixels){
        px_element(norm->x, (size_t)group * norm->pixels * channels, norm->dtype), channels,
        norm->dtype == PX_BF16};
}

/* sum[c] = sum of x - x0, square[c] = sum of (x - x0)^2, x0 the group's first pixel: the shift by
 * one sample keeps the difference of squares sound when the mean is far from 0. */
PX_INLINE void sum_kernel(const struct pixels *g, struct range r, float *sums, bool bf16)
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

PX_CLONES static void sum_pixels(const struct pixels *g, struct range r, float *sums)
{
    memset(sums, 0, 2 * g->channels * sizeof *sums);
    if (g->bf16)
        sum_kernel(g, r, sums, true);
    else
        sum_kernel(g, r, sums, false);
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
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        const struct pixels pixels = group_pixels(norm, g);
        sum_pixels(&pixels, r, partial(norm, thread, g));
    }
}

static void statistics(struct px_norm_layer *norm)
{
    size_t channels = (size_t)norm->channels;

    each_thread(norm, statistics_share);

    float inverse = 1.0f / (float)norm->pixels;
    for (int g = 0; g < norm->groups; g++) {
        const struct pixels pixels = group_pixels(norm, g);
        const float *sums = reduce(norm, g);
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
struct forward {
    struct pixels from;
    const float *scale, *shift; /* n = x * scale + shift */
    const float *mask;          /* or NULL */
    struct px_norm_target target;
};

PX_INLINE void apply_kernel(const struct forward *f, struct range r, bool masked, bool bf16)
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

PX_CLONES static void apply_pixels(const struct forward *f, struct range r)
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

/* A target as one group sees it. */
static struct px_norm_target group_target(const struct px_norm_layer *norm, int t, int group)
{
    struct px_norm_target target = norm->targets[t];
    size_t offset = (size_t)group * norm->pixels * target.pitch;

    target.data = px_element(target.data, offset, norm->dtype);
    target.gradient = px_element(target.gradient, offset, norm->dtype);
    return target;
}

static const float *group_mask(const struct px_norm_layer *norm, int group)
{
    return norm->mask ? norm->mask + (size_t)group * norm->pixels * (size_t)norm->channels : NULL;
}

static void apply_share(struct px_norm_layer *norm, int thread)
{
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        size_t at = (size_t)g * (size_t)norm->channels;
        struct forward f = {.from = group_pixels(norm, g),
                            .scale = norm->scale + at,
                            .shift = norm->shift + at,
                            .mask = group_mask(norm, g)};
        for (int t = 0; t < norm->target_count; t++) {
            f.target = group_target(norm, t, g);
            apply_pixels(&f, r);
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

/* A group on its way back. dn, the gradient by n, is computed twice, for its sums and for dx: to
 * read it from memory once more would cost as much, and a rounding. */
struct backward {
    struct pixels from;
    void *dx;
    const void *gradient[2]; /* the second one NULL: there is one target */
    size_t pitch[2];
    float slope[2];
    const float *mask; /* or NULL */
    const float *mean, *rstd, *scale, *shift;
    float *sum, *dot; /* sums over pixels of dn and of dn * xhat */
    float inverse;    /* 1 / pixels */
};

/* A dropped element gives d = 0, whose activation has the gradient slope * g; the mask makes it 0.
 * A kept one has the sign of n, so this may look at n instead of d. */
PX_INLINE float gradient_of(const struct backward *b, size_t p, size_t c, bool two, bool bf16)
{
    size_t at = p * b->from.channels + c;
    float n = px_load(b->from.x, at, bf16) * b->scale[c] + b->shift[c];
    float g = px_load(b->gradient[0], p * b->pitch[0] + c, bf16);
    float dn = n > 0 ? g : b->slope[0] * g;

    if (two) {
        g = px_load(b->gradient[1], p * b->pitch[1] + c, bf16);
        dn += n > 0 ? g : b->slope[1] * g;
    }
    return b->mask ? dn * b->mask[at] : dn;
}

PX_INLINE void gather_kernel(const struct backward *all, struct range r, bool two, bool bf16)
{
    const struct backward b = *all; /* a copy of its own stays in registers */
    float *sum = b.sum, *dot = b.dot;

    for (size_t p = r.begin; p < r.end; p++)
#pragma omp simd
        for (size_t c = 0; c < b.from.channels; c++) {
            float dn = gradient_of(&b, p, c, two, bf16);
            float x = px_load(b.from.x, p * b.from.channels + c, bf16);
            sum[c] += dn;
            dot[c] += dn * ((x - b.mean[c]) * b.rstd[c]);
        }
}

PX_CLONES static void gather_pixels(const struct backward *b, struct range r)
{
    memset(b->sum, 0, b->from.channels * sizeof *b->sum);
    memset(b->dot, 0, b->from.channels * sizeof *b->dot);
    if (b->from.bf16 && b->gradient[1])
        gather_kernel(b, r, true, true);
    else if (b->from.bf16)
        gather_kernel(b, r, false, true);
    else if (b->gradient[1])
        gather_kernel(b, r, true, false);
    else
        gather_kernel(b, r, false, false);
}

/* dx = gamma * rstd * (dn - mean(dn) - xhat * mean(dn * xhat)); without norm, where there are no
 * sums, dx = dn. */
PX_INLINE void finish_kernel(const struct backward *all, struct range r, bool two, bool bf16)
{
    const struct backward b = *all;

    for (size_t p = r.begin; p < r.end && !b.sum; p++)
#pragma omp simd
        for (size_t c = 0; c < b.from.channels; c++)
            px_store(b.dx, p * b.from.channels + c, gradient_of(&b, p, c, two, bf16), bf16);
    for (size_t p = r.begin; p < r.end && b.sum; p++)
#pragma omp simd
        for (size_t c = 0; c < b.from.channels; c++) {
            size_t at = p * b.from.channels + c;
            float xhat = (px_load(b.from.x, at, bf16) - b.mean[c]) * b.rstd[c];
            float dn = gradient_of(&b, p, c, two, bf16);
            px_store(b.dx, at, b.scale[c] * (dn - b.inverse * (b.sum[c] + xhat * b.dot[c])), bf16);
        }
}

PX_CLONES static void finish_pixels(const struct backward *b, struct range r)
{
    if (b->from.bf16 && b->gradient[1])
        finish_kernel(b, r, true, true);
    else if (b->from.bf16)
        finish_kernel(b, r, false, true);
    else if (b->gradient[1])
        finish_kernel(b, r, true, false);
    else
        finish_kernel(b, r, false, false);
}

static struct backward group_backward(const struct px_norm_layer *norm, int group, float *sums)
{
    size_t at = (size_t)group * (size_t)norm->channels;
    struct backward b = {.from = group_pixels(norm, group),
                         .dx = px_element(norm->dx, at * norm->pixels, norm->dtype),
                         .mask = group_mask(norm, group),
                         .mean = norm->mean + at,
                         .rstd = norm->rstd + at,
                         .scale = norm->scale + at,
                         .shift = norm->shift + at,
                         .sum = norm->normalise ? sums : NULL,
                         .dot = sums + norm->channels,
                         .inverse = 1.0f / (float)norm->pixels};
    int n = 0;

    for (int t = 0; t < norm->target_count; t++) {
        struct px_norm_target target = group_target(norm, t, group);
        if (!target.gradient)
            continue;
        b.gradient[n] = target.gradient;
        b.pitch[n] = target.pitch;
        b.slope[n++] = target.slope;
    }
    assert(n > 0);
    return b;
}

static void gather_share(struct px_norm_layer *norm, int thread)
{
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        const struct backward b = group_backward(norm, g, partial(norm, thread, g));
        gather_pixels(&b, r);
    }
}

static void finish_share(struct px_norm_layer *norm, int thread)
{
    struct range r = share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        const struct backward b = group_backward(norm, g, partial(norm, 0, g));
        finish_pixels(&b, r);
    }
}

/* The sums of all threads; those over xhat and dn are the gradients of gamma and beta. */
static void sum_up(struct px_norm_layer *norm)
{
    size_t channels = (size_t)norm->channels;

    for (int g = 0; g < norm->groups; g++) {
        const float *sums = reduce(norm, g);
        for (size_t c = 0; c < channels && norm->dgamma; c++) {
            norm->dbeta[c] = sums[c] + (g ? norm->dbeta[c] : 0);
            norm->dgamma[c] = sums[channels + c] + (g ? norm->dgamma[c] : 0);
        }
    }
}

void px_norm_layer_backward(struct px_norm_layer *norm)
{
    if (norm->normalise) {
        each_thread(norm, gather_share);
        sum_up(norm);
    }
    each_thread(norm, finish_share);
}
