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

enum { PX_QUALITY_MIN_SIDE = 11 };

struct px_quality {
    double l1, psnr, ssim;
};

/* UNPROCESSABLE if size or channels differ, or a side is less than PX_QUALITY_MIN_SIDE; NOMEM. */
int px_quality_compare(const struct px_image *a, const struct px_image *b,
                       struct px_quality *quality, struct px_error *err);

#endif
