#include "codecs/quality.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/checked.h"
#include "codecs/pixels.h"

enum { WINDOW = PX_QUALITY_MIN_SIDE, MAPS = 5 }; /* the maps: a, b, a a, b b, a b */

/* The last WINDOW rows of the five maps, already averaged along the row; row y is at y % WINDOW,
 * map by map, `columns` doubles each. */
struct window {
    double taps[WINDOW]; /* sum 1 */
    size_t columns;      /* positions along a row */
    double *rows;
    uint8_t *luma; /* one row of a, then one of b */
};

static void make_taps(double *taps)
{
    const double sigma = 1.5;
    double sum = 0;

    for (int i = 0; i < WINDOW; i++) {
        double x = i - WINDOW / 2;
        taps[i] = exp(-x * x / (2 * sigma * sigma));
        sum += taps[i];
    }
    for (int i = 0; i < WINDOW; i++)
        taps[i] /= sum;
}

static void add_row(struct window *w, uint32_t y, const uint8_t *a, const uint8_t *b)
{
    double *maps = w->rows + (y % WINDOW) * MAPS * w->columns;

    for (size_t x = 0; x < w->columns; x++) {
        double sums[MAPS] = {0};
        for (size_t i = 0; i < WINDOW; i++) {
            double p = a[x + i], q = b[x + i], t = w->taps[i];
            sums[0] += t * p;
            sums[1] += t * q;
            sums[2] += t * p * p;
            sums[3] += t * q * q;
            sums[4] += t * p * q;
        }
        for (size_t m = 0; m < MAPS; m++)
            maps[m * w->columns + x] = sums[m];
    }
}

/* The similarity at one position from its weighted sums. */
static double similarity(const double *sums)
{
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double aa = sums[2] - sums[0] * sums[0]; /* variances and covariance */
    double bb = sums[3] - sums[1] * sums[1];
    double ab = sums[4] - sums[0] * sums[1];

    return (2 * sums[0] * sums[1] + c1) * (2 * ab + c2) /
           ((sums[0] * sums[0] + sums[1] * sums[1] + c1) * (aa + bb + c2));
}

/* The sum over the row of positions whose window ends with row y. */
static double row_similarity(const struct window *w, uint32_t y)
{
    double total = 0;

    for (size_t x = 0; x < w->columns; x++) {
        double sums[MAPS] = {0};
        for (uint32_t i = 0; i < WINDOW; i++) {
            const double *maps = w->rows + ((y + 1 + i) % WINDOW) * MAPS * w->columns + x;
            for (size_t m = 0; m < MAPS; m++)
                sums[m] += w->taps[i] * maps[m * w->columns];
        }
        total += similarity(sums);
    }
    return total;
}

static int compare_structure(const struct px_image *a, const struct px_image *b, double *ssim,
                             struct px_error *err)
{
    struct window w = {.columns = a->width - WINDOW + 1};
    size_t bytes;
    double total = 0;

    assert(a->width >= WINDOW && a->height >= WINDOW);
    make_taps(w.taps);
    if (px_mul(w.columns, (size_t)WINDOW * MAPS * sizeof *w.rows, &bytes))
        w.rows = malloc(bytes);
    w.luma = malloc((size_t)a->width * 2);
    if (!w.rows || !w.luma) {
        free(w.rows);
        free(w.luma);
        return px_fail(err, PX_E_NOMEM, "no memory to compare pictures %u pixels wide", a->width);
    }
    for (uint32_t y = 0; y < a->height; y++) {
        size_t at = (size_t)y * a->width * a->channels;
        px_convert_row(a->data + at, a->channels, w.luma, 1, a->width);
        px_convert_row(b->data + at, b->channels, w.luma + a->width, 1, a->width);
        add_row(&w, y, w.luma, w.luma + a->width);
        if (y + 1 >= WINDOW)
            total += row_similarity(&w, y);
    }
    *ssim = total / ((double)w.columns * (double)(a->height - WINDOW + 1));
    free(w.rows);
    free(w.luma);
    return 0;
}

int px_quality_compare(const struct px_image *a, const struct px_image *b,
                       struct px_quality *quality, struct px_error *err)
{
    size_t n = (size_t)a->width * a->height * a->channels;
    uint64_t absolute = 0, square = 0;

    if (a->width != b->width || a->height != b->height || a->channels != b->channels)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "pictures of %ux%u with %u channels and %ux%u with %u cannot be compared",
                       a->width, a->height, a->channels, b->width, b->height, b->channels);
    if (a->width < WINDOW || a->height < WINDOW)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "pictures of %ux%u are too small to compare: SSIM needs %d pixels per side",
                       a->width, a->height, WINDOW);
    for (size_t i = 0; i < n; i++) {
        int d = a->data[i] - b->data[i];
        absolute += (uint64_t)abs(d);
        square += (uint64_t)(d * d);
    }
    quality->l1 = (double)absolute / (double)n / 127.5;
    quality->psnr =
        square ? 10 * log10(255.0 * 255.0 * (double)n / (double)square) : (double)INFINITY;
    return compare_structure(a, b, &quality->ssim, err);
}
