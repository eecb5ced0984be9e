#ifndef CODECS_QUALITY_H
#define CODECS_QUALITY_H

/* How close one picture is to another, on 8-bit pixels. Stateless and thread-safe.
 *
 *   l1    mean |a - b| / 127.5 over all samples: the scale [-1, 1] that networks are trained in, so
 *         that it compares with a training's G_L1 / lambda_L1. 0 for equal pictures, at most 2.
 *   psnr  10 log10(255^2 / mean (a - b)^2) over all samples, in dB; INFINITY for equal pictures.
 *   ssim  the mean structural similarity of Wang, Bovik, Sheikh and Simoncelli (2004): an 11 x 11
 *         Gaussian window with sigma 1.5, K1 .01, K2 .03, L 255, on the luma (grey as in
 *         codecs/codec.h, alpha over white) and over the positions at which the window lies inside
 *         the picture, as their ssim.m does and scikit-image with gaussian_weights and without
 *         use_sample_covariance. 1 for equal pictures; in [-1, 1]. */

#include "base/error.h"
#include "codecs/image.h"

enum {
    PX_QUALITY_MIN_SIDE = 11,
    PX_QUALITY_MS_MIN_SIDE = 176, /* so that the smallest of the five scales holds the window */
};

struct px_quality {
    double l1, psnr, ssim;
};

/* UNPROCESSABLE if size or channels differ, or a side is less than PX_QUALITY_MIN_SIDE; NOMEM. */
int px_quality_compare(const struct px_image *a, const struct px_image *b,
                       struct px_quality *quality, struct px_error *err);

/* The multi-scale SSIM of Wang, Simoncelli and Bovik (2003): contrast and structure at five scales,
 * each half the one before (means of 2 x 2), luminance at the last, with their exponents; a
 * negative factor counts as 0. In [0, 1]. UNPROCESSABLE as above, or if a side is less than
 * PX_QUALITY_MS_MIN_SIDE; NOMEM. */
int px_quality_ms_ssim(const struct px_image *a, const struct px_image *b, double *ms_ssim,
                       struct px_error *err);

#endif
