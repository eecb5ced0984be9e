#include "model/engine/parts/taps.h"

#include <assert.h>

#include "base/simd.h"

/* The taps that a pixel of the result sums up; beside the edge some are missing. */
struct parts {
    const float *at[4];
    int count; /* 1, 2 or 4 */
};

PX_INLINE void add_parts(const struct parts *p, int count, size_t channels, enum px_dtype type,
                         void *out)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++) {
        float sum = p->at[0][c];

        if (count > 1)
            sum += p->at[1][c];
        if (count > 2)
            sum += p->at[2][c] + p->at[3][c];
        if (type == PX_BF16)
            ((uint16_t *)out)[c] = px_f32_to_bf16(sum);
        else
            ((float *)out)[c] = sum;
    }
}

PX_CLONES static void add(const struct parts *p, size_t channels, enum px_dtype type, void *out)
{
    if (type == PX_BF16 && p->count == 4)
        add_parts(p, 4, channels, PX_BF16, out);
    else if (type == PX_BF16)
        add_parts(p, p->count, channels, PX_BF16, out);
    else if (p->count == 4)
        add_parts(p, 4, channels, PX_F32, out);
    else
        add_parts(p, p->count, channels, PX_F32, out);
}

/* The lines of the input that reach line `at` of the result, and by which line of the kernel each
 * does. Returns how many of them there are. */
static int lines(int at, int size, int line[2], int kernel[2])
{
    int before = (at - 1) >> 1, count = 0; /* rounded down: -1 for 0 */

    for (int i = before; i <= before + 1; i++)
        if (i >= 0 && i < size) {
            line[count] = i;
            kernel[count++] = at + 1 - 2 * i;
        }
    return count;
}

/* One row of the result. */
static void sum_row(const float *taps, const struct px_grid *result, int y, char *out)
{
    size_t channels = (size_t)result->channels, pixel = 16 * channels;
    int height = result->height / 2, width = result->width / 2;
    int row[2], column[2], ky[2], kx[2], rows = lines(y, height, row, ky);

    for (int x = 0; x < result->width; x++) {
        int columns = lines(x, width, column, kx);
        struct parts p = {.count = 0};

        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                p.at[p.count++] = taps +
                                  ((size_t)row[i] * (size_t)width + (size_t)column[j]) * pixel +
                                  (size_t)(4 * ky[i] + kx[j]) * channels;
        add(&p, channels, result->dtype, out);
        out += channels * px_dtype_size(result->dtype);
    }
}

static void share_sum(const float *taps, const struct px_grid *result)
{
    size_t row = (size_t)result->width * (size_t)result->channels;
    int rows = result->n * result->height;

#pragma omp for schedule(static)
    for (int r = 0; r < rows; r++) { /* a picture has four times as many taps as elements */
        size_t before = (size_t)(r / result->height) * (size_t)result->height * row;

        sum_row(taps + 4 * before, result, r % result->height,
                (char *)result->data + (size_t)r * row * px_dtype_size(result->dtype));
    }
}

/* A team of one would cost an allocation. */
void px_taps_sum(const float *taps, const struct px_grid *result, int threads)
{
    assert(result->height % 2 == 0 && result->width % 2 == 0);
    assert(!result->depth_to_space && result->border == 0);
    if (threads == 1) {
        share_sum(taps, result);
        return;
    }
#pragma omp parallel num_threads(threads)
    share_sum(taps, result);
}
