#ifndef TOOLS_EVALUATE_SCORES_H
#define TOOLS_EVALUATE_SCORES_H

/* What one picture scores against its target, and means over many. Plain data; one thread at a
 * time. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "codecs/image.h"

enum px_metric { PX_METRIC_L1, PX_METRIC_PSNR, PX_METRIC_SSIM, PX_METRIC_MS_SSIM, PX_METRICS };

/* "L1", "PSNR", ... as tables head their columns; "l1", "psnr", "ssim", "ms_ssim" in JSON. */
extern const char *const px_metric_titles[PX_METRICS];
extern const char *const px_metric_keys[PX_METRICS];

/* As codecs/quality.h defines them; NAN if there is no such value: MS-SSIM of small pictures. The
 * PSNR of equal pictures counts as 100 dB, so that means stay finite. */
struct px_scores {
    double of[PX_METRICS];
};

/* Pictures of one size and channels, at least PX_QUALITY_MIN_SIDE. */
int px_scores_compare(const struct px_image *picture, const struct px_image *target,
                      struct px_scores *scores, struct px_error *err);

/* The same for a picture of one colour, `target->channels` samples. */
int px_scores_constant(const double *colour, const struct px_image *target,
                       struct px_scores *scores, struct px_error *err);

/* Means over the pictures that have a value. Zero-initialise. */
struct px_means {
    double sum[PX_METRICS];
    size_t count[PX_METRICS];
};
void px_means_add(struct px_means *means, const struct px_scores *scores);
double px_means_get(const struct px_means *means, enum px_metric metric); /* NAN without any */

#endif
