#include "codecs/structure.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "codecs/pixels.h"

enum { WINDOW = PX_STRUCTURE_WINDOW, MAPS = 5 }; /* the maps: a, b, a a, b b, a b */

/* The last WINDOW rows of the five maps, already averaged along the row; row y is at y % WINDOW,
 * map by map, `columns` doubles each. */
struct window {
    double taps[WINDOW]; /* sum 1 */
    size_t columns;      /* positions along a row */
    double *rows;
};

int px_plane_init(struct px_plane *plane, const struct px_image *image, struct px_error *err)
{
    size_t bytes;
    uint8_t *row = malloc(image->width);
    float *data = NULL;

    if (px_mul(image->width, (size_t)image->height * sizeof *data, &bytes))
        data = malloc(bytes);
    if (!row || !data) {
        free(row);
        free(data);
        return px_fail(err, PX_E_NOMEM, "no memory to compare pictures of %ux%u", image->width,
                       image->height);
    }
    for (uint32_t y = 0; y < image->height; y++) {
        px_convert_row(image->data + (size_t)y * image->width * image->channels, image->channels,
                       row, 1, image->width);
        for (uint32_t x = 0; x < image->width; x++)
            data[(size_t)y * image->width + x] = row[x];
    }
    free(row);
    *plane = (struct px_plane){image->width, image->height, data};
    return 0;
}

void px_plane_halve(struct px_plane *plane)
{
    uint32_t width = plane->width / 2, height = plane->height / 2;

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            const float *p = plane->data + (size_t)2 * y * plane->width + 2 * x;

            plane->data[(size_t)y * width + x] =
                (p[0] + p[1] + p[plane->width] + p[plane->width + 1]) / 4;
        }
    plane->width = width;
    plane->height = height;
}

void px_plane_clear(struct px_plane *plane)
{
    free(plane->data);
    *plane = (struct px_plane){0};
}

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

static void add_row(struct window *w, uint32_t y, const float *a, const float *b)
{
    double *maps = w->rows + (y % WINDOW) * MAPS * w->columns;

    for (size_t x = 0; x < w->columns; x++) {
        double sums[MAPS] = {0};
        for (size_t i = 0; i < WINDOW; i++) {
            double p = (double)a[x + i], q = (double)b[x + i], t = w->taps[i];
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
static struct px_similarity similarity_of(const double *sums)
{
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double aa = sums[2] - sums[0] * sums[0]; /* variances and covariance */
    double bb = sums[3] - sums[1] * sums[1];
    double ab = sums[4] - sums[0] * sums[1];

    return (struct px_similarity){
        .whole = (2 * sums[0] * sums[1] + c1) * (2 * ab + c2) /
                 ((sums[0] * sums[0] + sums[1] * sums[1] + c1) * (aa + bb + c2)),
        .contrast = (2 * ab + c2) / (aa + bb + c2)};
}

/* Adds the row of positions whose window ends with row y. */
static void add_similarity(const struct window *w, uint32_t y, struct px_similarity *total)
{
    for (size_t x = 0; x < w->columns; x++) {
        double sums[MAPS] = {0};
        for (uint32_t i = 0; i < WINDOW; i++) {
            const double *maps = w->rows + ((y + 1 + i) % WINDOW) * MAPS * w->columns + x;
            for (size_t m = 0; m < MAPS; m++)
                sums[m] += w->taps[i] * maps[m * w->columns];
        }
        const struct px_similarity one = similarity_of(sums);
        total->whole += one.whole;
        total->contrast += one.contrast;
    }
}

int px_structure_compare(const struct px_plane *a, const struct px_plane *b,
                         struct px_similarity *similarity, struct px_error *err)
{
    struct window w = {.columns = a->width - WINDOW + 1};
    size_t bytes;
    struct px_similarity total = {0};

    assert(a->width == b->width && a->height == b->height);
    assert(a->width >= WINDOW && a->height >= WINDOW);
    make_taps(w.taps);
    if (px_mul(w.columns, (size_t)WINDOW * MAPS * sizeof *w.rows, &bytes))
        w.rows = malloc(bytes);
    if (!w.rows)
        return px_fail(err, PX_E_NOMEM, "no memory to compare pictures %u pixels wide", a->width);
    for (uint32_t y = 0; y < a->height; y++) {
        add_row(&w, y, a->data + (size_t)y * a->width, b->data + (size_t)y * b->width);
        if (y + 1 >= WINDOW)
            add_similarity(&w, y, &total);
    }
    double positions = (double)w.columns * (double)(a->height - WINDOW + 1);
    *similarity = (struct px_similarity){total.whole / positions, total.contrast / positions};
    free(w.rows);
    return 0;
}
