#include "codecs/quality.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/psnr.h"
#include "codecs/structure.h"

static_assert((int)PX_QUALITY_MIN_SIDE == (int)PX_STRUCTURE_WINDOW, "SSIM sets the least side");

static int check_sizes(const struct px_image *a, const struct px_image *b, uint32_t least,
                       const char *metric, struct px_error *err)
{
    if (a->width != b->width || a->height != b->height || a->channels != b->channels)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "pictures of %ux%u with %u channels and %ux%u with %u cannot be compared",
                       a->width, a->height, a->channels, b->width, b->height, b->channels);
    if (a->width < least || a->height < least)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "pictures of %ux%u are too small to compare: %s needs %u pixels per side",
                       a->width, a->height, metric, least);
    return 0;
}

static int make_planes(struct px_plane planes[2], const struct px_image *a,
                       const struct px_image *b, struct px_error *err)
{
    int rc = px_plane_init(&planes[0], a, err);

    if (rc)
        return rc;
    rc = px_plane_init(&planes[1], b, err);
    if (rc)
        px_plane_clear(&planes[0]);
    return rc;
}

int px_quality_compare(const struct px_image *a, const struct px_image *b,
                       struct px_quality *quality, struct px_error *err)
{
    size_t n = (size_t)a->width * a->height * a->channels;
    uint64_t absolute = 0;
    struct px_plane planes[2];
    struct px_similarity similarity;
    int rc = check_sizes(a, b, PX_QUALITY_MIN_SIDE, "SSIM", err);

    if (!rc)
        rc = make_planes(planes, a, b, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++)
        absolute += (uint64_t)abs(a->data[i] - b->data[i]);
    rc = px_structure_compare(&planes[0], &planes[1], &similarity, err);
    if (!rc)
        *quality = (struct px_quality){.l1 = (double)absolute / (double)n / 127.5,
                                       .psnr = px_psnr(px_mean_square(a->data, b->data, n)),
                                       .ssim = similarity.whole};
    px_plane_clear(&planes[0]);
    px_plane_clear(&planes[1]);
    return rc;
}

int px_quality_ms_ssim(const struct px_image *a, const struct px_image *b, double *ms_ssim,
                       struct px_error *err)
{
    static const double exponents[] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
    enum { SCALES = sizeof exponents / sizeof *exponents };
    struct px_plane planes[2];
    double product = 1;
    int rc = check_sizes(a, b, PX_QUALITY_MS_MIN_SIDE, "MS-SSIM", err);

    if (!rc)
        rc = make_planes(planes, a, b, err);
    if (rc)
        return rc;
    for (int i = 0; i < SCALES && !rc; i++) {
        struct px_similarity similarity;

        rc = px_structure_compare(&planes[0], &planes[1], &similarity, err);
        if (rc)
            break;
        double factor = i == SCALES - 1 ? similarity.whole : similarity.contrast;
        product *= pow(factor > 0 ? factor : 0, exponents[i]);
        px_plane_halve(&planes[0]);
        px_plane_halve(&planes[1]);
    }
    if (!rc)
        *ms_ssim = product;
    px_plane_clear(&planes[0]);
    px_plane_clear(&planes[1]);
    return rc;
}
