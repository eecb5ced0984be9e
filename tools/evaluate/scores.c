#include "tools/evaluate/scores.h"

#include <math.h>
#include <stdint.h>

#include "codecs/quality.h"

const char *const px_metric_titles[PX_METRICS] = {"L1", "PSNR", "SSIM", "MS-SSIM"};
const char *const px_metric_keys[PX_METRICS] = {"l1", "psnr", "ssim", "ms_ssim"};

static const double EQUAL_PSNR = 100;

int px_scores_compare(const struct px_image *picture, const struct px_image *target,
                      struct px_scores *scores, struct px_error *err)
{
    struct px_quality quality;
    double ms_ssim = (double)NAN;
    int rc = px_quality_compare(picture, target, &quality, err);

    if (!rc && picture->width >= PX_QUALITY_MS_MIN_SIDE &&
        picture->height >= PX_QUALITY_MS_MIN_SIDE)
        rc = px_quality_ms_ssim(picture, target, &ms_ssim, err);
    if (!rc)
        *scores = (struct px_scores){.of = {[PX_METRIC_L1] = quality.l1,
                                            [PX_METRIC_PSNR] = fmin(quality.psnr, EQUAL_PSNR),
                                            [PX_METRIC_SSIM] = quality.ssim,
                                            [PX_METRIC_MS_SSIM] = ms_ssim}};
    return rc;
}

int px_scores_constant(const double *colour, const struct px_image *target,
                       struct px_scores *scores, struct px_error *err)
{
    struct px_image flat;
    size_t samples = (size_t)target->width * target->height * target->channels;
    int rc = px_image_init(&flat, target->width, target->height, target->channels, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < samples; i++)
        flat.data[i] = (uint8_t)lround(colour[i % target->channels]);
    rc = px_scores_compare(&flat, target, scores, err);
    px_image_clear(&flat);
    return rc;
}

void px_means_add(struct px_means *means, const struct px_scores *scores)
{
    for (int m = 0; m < PX_METRICS; m++)
        if (!isnan(scores->of[m])) {
            means->sum[m] += scores->of[m];
            means->count[m]++;
        }
}

double px_means_get(const struct px_means *means, enum px_metric metric)
{
    return means->count[metric] ? means->sum[metric] / (double)means->count[metric] : (double)NAN;
}
