#ifndef TRAINER_NN_PARTS_NORM_PARTS_H
#define TRAINER_NN_PARTS_NORM_PARTS_H

/* Private to the files of px_norm_layer: how a layer is divided among threads and groups. */

#include "trainer/nn/parts/element.h"
#include "trainer/nn/parts/norm.h"

/* A thread's share of the pixels of a group. */
struct px_norm_range {
    size_t begin, end;
};

static inline struct px_norm_range px_norm_share(size_t pixels, int thread, int threads)
{
    size_t t = (size_t)thread, n = (size_t)threads;
    return (struct px_norm_range){pixels * t / n, pixels * (t + 1) / n};
}

/* Runs work(norm, t) for t = 0..threads-1, all at once. The shares do not depend on how many
 * threads OpenMP really gives. */
void px_norm_each_thread(struct px_norm_layer *norm, void (*work)(struct px_norm_layer *, int));

static inline float *px_norm_partial(const struct px_norm_layer *norm, int thread, int group)
{
    return norm->partial +
           ((size_t)thread * (size_t)norm->groups + (size_t)group) * 2 * (size_t)norm->channels;
}

/* A group's first element, and how it is stored. */
struct px_norm_pixels {
    const void *x;
    size_t channels;
    bool bf16;
};

static inline struct px_norm_pixels px_norm_group(const struct px_norm_layer *norm, int group)
{
    size_t channels = (size_t)norm->channels;

    return (struct px_norm_pixels){
        px_element(norm->x, (size_t)group * norm->pixels * channels, norm->dtype), channels,
        norm->dtype == PX_BF16};
}

/* Adds the threads' partial sums of a group into the first thread's, in thread order. */
static inline float *px_norm_reduce(const struct px_norm_layer *norm, int group)
{
    size_t n = 2 * (size_t)norm->channels;
    float *total = px_norm_partial(norm, 0, group);

    for (int t = 1; t < norm->threads; t++) {
        const float *more = px_norm_partial(norm, t, group);
        for (size_t i = 0; i < n; i++)
            total[i] += more[i];
    }
    return total;
}

/* A target as one group sees it. */
static inline struct px_norm_target px_norm_group_target(const struct px_norm_layer *norm, int t,
                                                         int group)
{
    struct px_norm_target target = norm->targets[t];
    size_t offset = (size_t)group * norm->pixels * target.pitch;

    target.data = px_element(target.data, offset, norm->dtype);
    target.gradient = px_element(target.gradient, offset, norm->dtype);
    return target;
}

static inline const float *px_norm_group_mask(const struct px_norm_layer *norm, int group)
{
    return norm->mask ? norm->mask + (size_t)group * norm->pixels * (size_t)norm->channels : NULL;
}

#endif
