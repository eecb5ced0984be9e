#include "trainer/nn/parts/norm_parts.h"

#include <assert.h>
#include <string.h>

/* A group on its way back. dn, the gradient by n, is computed twice, for its sums and for dx: to
 * read it from memory once more would cost as much, and a rounding. */
struct backward {
    struct px_norm_pixels from;
    void *dx;
    const void *gradient[2]; /* the second one NULL: there is one target */
    size_t pitch[2];
    float slope[2];
    const float *mask; /* or NULL */
    const float *mean, *rstd, *scale, *shift;
    float *sum, *dot; /* sums over pixels of dn and of dn * xhat */
    float inverse;    /* 1 / pixels */
};

/* What is known of a group before its loops: each combination has loops of its own, for a load from
 * a mask that is not there, even one that is masked out, takes a hundred times as long as others.
 */
struct known {
    bool two, masked, bf16;
};

/* A dropped element gives d = 0, whose activation has the gradient slope * g; the mask makes it 0.
 * A kept one has the sign of n, so this may look at n instead of d. */
PX_INLINE float gradient_of(const struct backward *b, size_t p, size_t c, struct known k)
{
    size_t at = p * b->from.channels + c;
    float n = px_load(b->from.x, at, k.bf16) * b->scale[c] + b->shift[c];
    float g = px_load(b->gradient[0], p * b->pitch[0] + c, k.bf16);
    float dn = n > 0 ? g : b->slope[0] * g;

    if (k.two) {
        g = px_load(b->gradient[1], p * b->pitch[1] + c, k.bf16);
        dn += n > 0 ? g : b->slope[1] * g;
    }
    return k.masked ? dn * b->mask[at] : dn;
}

PX_INLINE void gather_kernel(const struct backward *all, struct px_norm_range r, struct known k)
{
    const struct backward b = *all; /* a copy of its own stays in registers */
    float *sum = b.sum, *dot = b.dot;

    for (size_t p = r.begin; p < r.end; p++)
#pragma omp simd
        for (size_t c = 0; c < b.from.channels; c++) {
            float dn = gradient_of(&b, p, c, k);
            float x = px_load(b.from.x, p * b.from.channels + c, k.bf16);
            sum[c] += dn;
            dot[c] += dn * ((x - b.mean[c]) * b.rstd[c]);
        }
}

/* dx = gamma * rstd * (dn - mean(dn) - xhat * mean(dn * xhat)); without norm, where there are no
 * sums, dx = dn. */
PX_INLINE void finish_kernel(const struct backward *all, struct px_norm_range r, struct known k)
{
    const struct backward b = *all;

    for (size_t p = r.begin; p < r.end && !b.sum; p++)
#pragma omp simd
        for (size_t c = 0; c < b.from.channels; c++)
            px_store(b.dx, p * b.from.channels + c, gradient_of(&b, p, c, k), k.bf16);
    for (size_t p = r.begin; p < r.end && b.sum; p++)
#pragma omp simd
        for (size_t c = 0; c < b.from.channels; c++) {
            size_t at = p * b.from.channels + c;
            float xhat = (px_load(b.from.x, at, k.bf16) - b.mean[c]) * b.rstd[c];
            float dn = gradient_of(&b, p, c, k);
            px_store(b.dx, at, b.scale[c] * (dn - b.inverse * (b.sum[c] + xhat * b.dot[c])),
                     k.bf16);
        }
}

PX_INLINE void back_kernel(const struct backward *b, struct px_norm_range r, bool gather,
                           struct known k)
{
    if (gather)
        gather_kernel(b, r, k);
    else
        finish_kernel(b, r, k);
}

PX_INLINE void back_typed(const struct backward *b, struct px_norm_range r, bool gather, bool bf16)
{
    if (b->gradient[1] && b->mask)
        back_kernel(b, r, gather, (struct known){true, true, bf16});
    else if (b->gradient[1])
        back_kernel(b, r, gather, (struct known){true, false, bf16});
    else if (b->mask)
        back_kernel(b, r, gather, (struct known){false, true, bf16});
    else
        back_kernel(b, r, gather, (struct known){false, false, bf16});
}

PX_CLONES static void gather_pixels(const struct backward *b, struct px_norm_range r)
{
    memset(b->sum, 0, b->from.channels * sizeof *b->sum);
    memset(b->dot, 0, b->from.channels * sizeof *b->dot);
    if (b->from.bf16)
        back_typed(b, r, true, true);
    else
        back_typed(b, r, true, false);
}

PX_CLONES static void finish_pixels(const struct backward *b, struct px_norm_range r)
{
    if (b->from.bf16)
        back_typed(b, r, false, true);
    else
        back_typed(b, r, false, false);
}

static struct backward group_backward(const struct px_norm_layer *norm, int group, float *sums)
{
    size_t at = (size_t)group * (size_t)norm->channels;
    struct backward b = {.from = px_norm_group(norm, group),
                         .dx = px_element(norm->dx, at * norm->pixels, norm->dtype),
                         .mask = px_norm_group_mask(norm, group),
                         .mean = norm->mean + at,
                         .rstd = norm->rstd + at,
                         .scale = norm->scale + at,
                         .shift = norm->shift + at,
                         .sum = norm->normalise ? sums : NULL,
                         .dot = sums + norm->channels,
                         .inverse = 1.0f / (float)norm->pixels};
    int n = 0;

    for (int t = 0; t < norm->target_count; t++) {
        struct px_norm_target target = px_norm_group_target(norm, t, group);
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
    struct px_norm_range r = px_norm_share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        const struct backward b = group_backward(norm, g, px_norm_partial(norm, thread, g));
        gather_pixels(&b, r);
    }
}

static void finish_share(struct px_norm_layer *norm, int thread)
{
    struct px_norm_range r = px_norm_share(norm->pixels, thread, norm->threads);

    for (int g = 0; g < norm->groups; g++) {
        const struct backward b = group_backward(norm, g, px_norm_partial(norm, 0, g));
        finish_pixels(&b, r);
    }
}

/* The sums of all threads; those over xhat and dn are the gradients of gamma and beta. */
static void sum_up(struct px_norm_layer *norm)
{
    size_t channels = (size_t)norm->channels;

    for (int g = 0; g < norm->groups; g++) {
        const float *sums = px_norm_reduce(norm, g);
        for (size_t c = 0; c < channels && norm->dgamma; c++) {
            norm->dbeta[c] = sums[c] + (g ? norm->dbeta[c] : 0);
            norm->dgamma[c] = sums[channels + c] + (g ? norm->dgamma[c] : 0);
        }
    }
}

void px_norm_layer_backward(struct px_norm_layer *norm)
{
    if (norm->normalise) {
        px_norm_each_thread(norm, gather_share);
        sum_up(norm);
    }
    px_norm_each_thread(norm, finish_share);
}
