#include "model/engine/passes.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "model/engine/parts/rows.h"

/* Elements that one thread passes over faster than it wakes others. */
static const size_t ALONE = 8192;

/* Elements of a block: it stays in the first-level cache between the sum and the squares. */
static const size_t BLOCK = 8192;

size_t px_grid_elements(const struct px_grid *g)
{
    size_t border = 2 * (size_t)g->border; /* depth-to-space order holds as many elements */

    return (size_t)g->n * ((size_t)g->height + border) * ((size_t)g->width + border) *
           (size_t)g->channels;
}

size_t px_grid_bytes(const struct px_grid *g)
{
    return px_grid_elements(g) * px_dtype_size(g->dtype);
}

struct px_grid px_grid_slice(const struct px_grid *g, int first, int n)
{
    struct px_grid slice = *g;

    slice.data = (char *)g->data + px_grid_bytes(g) / (size_t)g->n * (size_t)first;
    slice.n = n;
    return slice;
}

/* Row y of picture i without its border; `y` may lie in the border. */
static struct px_row grid_row(const struct px_grid *g, int i, int y)
{
    size_t channels = (size_t)g->channels, border = (size_t)g->border;
    size_t height = (size_t)g->height + 2 * border, width = (size_t)g->width + 2 * border;
    size_t line = (size_t)i * height + (size_t)(y + g->border);
    struct px_row row = {.dtype = g->dtype, .width = (size_t)g->width, .channels = channels};
    size_t start;

    if (g->depth_to_space) { /* two rows are one line; with a border, column 0 is a right half */
        start = (line / 2 * 2 * width + line % 2 * 2) * channels;
        row.first = border * channels;
        row.second = border ? 4 * channels : channels;
        row.step = 4 * channels;
    } else {
        start = (line * width + border) * channels;
        row.second = channels;
        row.step = 2 * channels;
    }
    row.data = (const char *)g->data + start * px_dtype_size(g->dtype);
    return row;
}

/* Row y of picture i of a plain grid, to be written. */
static void *row_data(const struct px_grid *g, int i, int y)
{
    return (void *)(uintptr_t)grid_row(g, i, y).data;
}

/* Rows of a block: a power of two, at least 1. */
static int block_rows(const struct px_grid *g)
{
    size_t row = (size_t)g->width * (size_t)g->channels;
    int rows = 1;

    while (rows < g->height && 2 * (size_t)rows * row <= BLOCK)
        rows *= 2;
    return rows;
}

static int block_count(const struct px_grid *g)
{
    int rows = block_rows(g);

    return (g->height + rows - 1) / rows;
}

/* Workspace: mean[n][c], factor[n][c], then per block mean[n][blocks][c] and squares. */
size_t px_pass_work(const struct px_grid *g)
{
    return (size_t)g->n * (size_t)g->channels * 2 * (size_t)(1 + block_count(g));
}

static float *block_mean(const struct px_grid *g, float *work, int i, int block)
{
    size_t nc = (size_t)g->n * (size_t)g->channels;
    size_t at = (size_t)i * (size_t)block_count(g) + (size_t)block;

    return work + 2 * nc + 2 * at * (size_t)g->channels;
}

/* Mean and squared deviations from it of one block of rows: exact in two steps, both in cache. */
static void block_moments(const struct px_grid *g, int i, int block, float *mean)
{
    int start = block * block_rows(g), end = start + block_rows(g);
    float *squares = mean + g->channels;

    if (end > g->height)
        end = g->height;
    memset(mean, 0, 2 * (size_t)g->channels * sizeof *mean);
    for (int y = start; y < end; y++) {
        struct px_row row = grid_row(g, i, y);
        px_row_sum(&row, mean);
    }
    float share = 1.0f / ((float)(end - start) * (float)g->width);
    for (int c = 0; c < g->channels; c++)
        mean[c] *= share;
    for (int y = start; y < end; y++) {
        struct px_row row = grid_row(g, i, y);
        px_row_squares(&row, mean, squares);
    }
}

/* Puts the blocks of picture i together: the squares around the common mean are those around the
 * blocks' means plus pixels * (difference of means)^2. */
PX_CLONES static void join_blocks(const struct px_grid *g, const struct px_norm_pass *norm, int i)
{
    size_t channels = (size_t)g->channels;
    float *mean = norm->work + (size_t)i * channels;
    float *factor = norm->work + ((size_t)g->n + (size_t)i) * channels;
    int blocks = block_count(g), rows = block_rows(g);
    float pixels = (float)g->height * (float)g->width;

    memset(mean, 0, channels * sizeof *mean);
    memset(factor, 0, channels * sizeof *factor);
    for (int b = 0; b < blocks; b++) {
        int left = g->height - b * rows;
        float share = (float)(left < rows ? left : rows) / (float)g->height;
        const float *m = block_mean(g, norm->work, i, b);

        for (size_t c = 0; c < channels; c++)
            mean[c] += share * m[c];
    }
    for (int b = 0; b < blocks; b++) {
        int left = g->height - b * rows;
        float count = (float)(left < rows ? left : rows) * (float)g->width;
        const float *m = block_mean(g, norm->work, i, b), *s = m + channels;

        for (size_t c = 0; c < channels; c++)
            factor[c] += s[c] + count * (m[c] - mean[c]) * (m[c] - mean[c]);
    }
    for (size_t c = 0; c < channels; c++)
        factor[c] = norm->gamma[c] / sqrtf(factor[c] / pixels + 1e-5f);
}

/* The passes below work alone where that suffices, without a team of one, for which libgomp would
 * allocate memory each time. */
static bool is_alone(const struct px_grid *grid, int threads)
{
    return threads == 1 || px_grid_elements(grid) <= ALONE;
}

static void share_statistics(const struct px_grid *grid, const struct px_norm_pass *norm)
{
    int n = grid->n, blocks = block_count(grid);

#pragma omp for schedule(static)
    for (int k = 0; k < n * blocks; k++)
        block_moments(grid, k / blocks, k % blocks,
                      block_mean(grid, norm->work, k / blocks, k % blocks));
#pragma omp for schedule(static)
    for (int i = 0; i < n; i++)
        join_blocks(grid, norm, i);
}

void px_pass_statistics(const struct px_grid *grid, const struct px_norm_pass *norm, int threads)
{
    if (is_alone(grid, threads)) {
        share_statistics(grid, norm);
        return;
    }
#pragma omp parallel num_threads(threads)
    share_statistics(grid, norm);
}

static struct px_affine picture_affine(const struct px_grid *g, const struct px_norm_pass *norm,
                                       int i)
{
    size_t channels = (size_t)g->channels;

    if (!norm)
        return (struct px_affine){0};
    if (norm->mean)
        return (struct px_affine){norm->mean, norm->gamma, norm->beta};
    return (struct px_affine){.mean = norm->work + (size_t)i * channels,
                              .scale = norm->work + ((size_t)g->n + (size_t)i) * channels,
                              .beta = norm->beta};
}

/* Writes the border that row y of picture i is mirrored in: the columns beside it, and the rows
 * above and below that repeat all of it. */
static void mirror(const struct px_grid *g, int i, int y)
{
    size_t pixel = (size_t)g->channels * px_dtype_size(g->dtype);
    size_t border = (size_t)g->border, width = (size_t)g->width;
    char *row = row_data(g, i, y), *last = row + (width - 1) * pixel;

    for (size_t k = 1; k <= border; k++) {
        memcpy(row - k * pixel, row + k * pixel, pixel);
        memcpy(last + k * pixel, last - k * pixel, pixel);
    }
    int above = -y, below = 2 * (g->height - 1) - y;
    if (y > 0 && y <= g->border)
        memcpy((char *)row_data(g, i, above) - border * pixel, row - border * pixel,
               (width + 2 * border) * pixel);
    if (y < g->height - 1 && below <= g->height - 1 + g->border)
        memcpy((char *)row_data(g, i, below) - border * pixel, row - border * pixel,
               (width + 2 * border) * pixel);
}

/* Channels `first` and on of row y of picture i of the target. */
static struct px_row_target target_row(const struct px_target *t, int first, int i, int y)
{
    size_t skipped = (size_t)first;

    return (struct px_row_target){.data = (char *)row_data(&t->grid, i, y) +
                                          skipped * px_dtype_size(t->grid.dtype),
                                  .dtype = t->grid.dtype,
                                  .step = (size_t)t->grid.channels,
                                  .slope = t->slope,
                                  .inverse = t->inverse ? t->inverse + skipped : NULL};
}

static void feed_row(const struct px_grid *grid, const struct px_affine *affine,
                     const struct px_feed_pass *feed, int i, int y)
{
    struct px_row row = grid_row(grid, i, y);
    struct px_row_drop drop = {.stream = (uint64_t)feed->layer,
                               .index = (uint64_t)y * row.width * row.channels};
    struct px_row_extra extra = {.more = feed->more ? row_data(feed->more, i, y) : NULL};
    struct px_row_target to;

    if (feed->dropout && feed->dropout[i]) {
        drop.seed = feed->seeds[i];
        extra.drop = &drop;
    }
    if (feed->kept) {
        to = target_row(feed->kept, 0, i, y);
        px_row_feed(&row, affine, &extra, &to);
    }
    if (feed->skip) {
        struct px_row skip = grid_row(feed->skip, i, y);
        to = target_row(&feed->next, 0, i, y);
        px_row_feed(&skip, &(struct px_affine){0}, &(struct px_row_extra){0}, &to);
    }
    to = target_row(&feed->next, feed->skip ? feed->skip->channels : 0, i, y);
    px_row_feed(&row, affine, &extra, &to);
    if (feed->next.grid.border)
        mirror(&feed->next.grid, i, y);
}

static void share_feed(const struct px_grid *grid, const struct px_norm_pass *norm,
                       const struct px_feed_pass *feed)
{
    int height = grid->height, rows = grid->n * height;

#pragma omp for schedule(static)
    for (int k = 0; k < rows; k++) {
        struct px_affine affine = picture_affine(grid, norm, k / height);
        feed_row(grid, &affine, feed, k / height, k % height);
    }
}

void px_pass_feed(const struct px_grid *grid, const struct px_norm_pass *norm,
                  const struct px_feed_pass *feed, int threads)
{
    assert(feed->next.grid.n == grid->n && feed->next.grid.height == grid->height &&
           feed->next.grid.width == grid->width);
    assert(feed->next.grid.channels == grid->channels + (feed->skip ? feed->skip->channels : 0));
    assert(!feed->more || feed->more->channels == grid->channels);
    assert(!feed->more || !feed->dropout);
    if (is_alone(grid, threads)) {
        share_feed(grid, norm, feed);
        return;
    }
#pragma omp parallel num_threads(threads)
    share_feed(grid, norm, feed);
}

static void share_in(const struct px_batch *batch, const struct px_grid *grid)
{
    int height = grid->height, rows = grid->n * height;
    size_t line = (size_t)grid->width * (size_t)grid->channels;

#pragma omp for schedule(static)
    for (int k = 0; k < rows; k++) {
        int i = k / height, y = k % height;
        size_t from = (size_t)y * line;
        void *to = row_data(grid, i, y);

        if (batch->in)
            px_row_in_u8(batch->in[i] + from, line, grid->dtype, to);
        else
            px_row_in_f32(batch->in_f32[i] + from, line, grid->dtype, to);
        if (grid->border)
            mirror(grid, i, y);
    }
}

void px_pass_in(const struct px_batch *batch, const struct px_grid *grid, int threads)
{
    assert(grid->n == batch->n && grid->height == batch->height && grid->width == batch->width);
    if (threads == 1) {
        share_in(batch, grid);
        return;
    }
#pragma omp parallel num_threads(threads)
    share_in(batch, grid);
}

static void share_out(const struct px_grid *grid, const struct px_batch *batch)
{
    int height = grid->height, rows = grid->n * height;
    size_t line = (size_t)grid->width * (size_t)grid->channels;

#pragma omp for schedule(static)
    for (int k = 0; k < rows; k++) {
        struct px_row row = grid_row(grid, k / height, k % height);
        size_t to = (size_t)(k % height) * line;

        if (batch->out)
            px_row_out_u8(&row, batch->out[k / height] + to);
        else
            px_row_out_f32(&row, batch->out_f32[k / height] + to);
    }
}

void px_pass_out(const struct px_grid *grid, const struct px_batch *batch, int threads)
{
    assert(grid->n == batch->n);
    if (threads == 1) {
        share_out(grid, batch);
        return;
    }
#pragma omp parallel num_threads(threads)
    share_out(grid, batch);
}
