#include "model/dnn/parts/minimal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/simd.h"

/* Channels are taken eight at a time in one vector, which is two or four of a CPU with shorter
 * ones. */
typedef float vector __attribute__((vector_size(32), aligned(4), may_alias));
typedef int mask __attribute__((vector_size(32)));
enum { EIGHT = 8, FOUR = 4 };

static const float SQRT_2 = 1.41421356f, SQRT_HALF = 0.707106781f;

bool px_minimal_exists(int side, int kernel)
{
    return (kernel == 2 && (side == 2 || side == 3)) || (kernel == 3 && side == 4) ||
           (kernel == 4 && side == 3) || (kernel == 3 && side == 2);
}

/* The weights as a polynomial at each point but infinity, divided by the product of the differences
 * to the others; at infinity its last coefficient. */
void px_minimal_weights_make(struct px_minimal_weights *weights, int side, int kernel)
{
    static const double three[] = {0, -1}, four[] = {0, 1, -1};
    const double six[] = {0, sqrt(0.5), -sqrt(0.5), sqrt(2), -sqrt(2)};
    int points = side + kernel - 1;
    const double *at = points == 3 ? three : points == 4 ? four : six;

    assert(px_minimal_exists(side, kernel));
    memset(weights, 0, sizeof *weights);
    weights->row[points - 1][kernel - 1] = 1;
    for (int i = 0; i < points - 1; i++) {
        double value = 1;

        for (int k = 0; k < points - 1; k++)
            if (k != i)
                value /= at[i] - at[k];
        for (int j = 0; j < kernel; j++) {
            weights->row[i][j] = value;
            value *= at[i];
        }
    }
}

/* One line of a patch. */
PX_INLINE void take_line(int points, const vector *d, vector *t)
{
    if (points == 3) {
        t[0] = d[0] + d[1];
        t[1] = d[1];
        t[2] = d[1] + d[2];
    } else if (points == 4) {
        t[0] = d[2] - d[0];
        t[1] = d[2] + d[1];
        t[2] = d[2] - d[1];
        t[3] = d[3] - d[1];
    } else {
        vector even = d[4] - 2.0f * d[2], odd = SQRT_HALF * (d[3] - 2.0f * d[1]);
        vector even2 = d[4] - 0.5f * d[2], odd2 = SQRT_2 * (d[3] - 0.5f * d[1]);

        t[0] = d[0] + d[4] - 2.5f * d[2];
        t[1] = even + odd;
        t[2] = even - odd;
        t[3] = even2 + odd2;
        t[4] = even2 - odd2;
        t[5] = d[1] + d[5] - 2.5f * d[3];
    }
}

/* One line of sums. */
PX_INLINE void give_line(int side, int points, const vector *x, vector *y)
{
    if (points == 3) {
        y[0] = x[0] + x[1];
        y[1] = x[2] - x[1];
    } else if (points == 4) {
        vector sum = x[1] + x[2];

        y[0] = x[0] + sum;
        y[1] = side == 2 ? x[1] - x[2] + x[3] : x[1] - x[2];
        if (side == 3)
            y[2] = sum + x[3];
    } else {
        vector sum = x[1] + x[2], difference = x[1] - x[2];
        vector sum2 = x[3] + x[4], difference2 = x[3] - x[4];

        y[0] = x[0] + sum + sum2;
        y[1] = SQRT_HALF * difference + SQRT_2 * difference2;
        y[2] = 0.5f * sum + 2.0f * sum2;
        if (side == 3)
            y[2] = y[2] + x[5];
        else
            y[3] = 0.5f * SQRT_HALF * difference + 2.0f * SQRT_2 * difference2 + x[5];
    }
}

PX_INLINE void take(const struct px_patch *p, int points, bool whole)
{
    for (size_t c = 0; c < p->channels; c += EIGHT) {
        vector lines[PX_PATCH_MAX * PX_PATCH_MAX], in[PX_PATCH_MAX], out[PX_PATCH_MAX];

        for (int x = 0; x < points; x++) {
            for (int y = 0; y < points; y++) {
                const float *pixel = p->pixel[y * points + x];
                if (whole || pixel)
                    in[y] = *(const vector *)(const void *)(pixel + c);
                else
                    in[y] = (vector){0};
            }
            take_line(points, in, out);
            for (int y = 0; y < points; y++)
                lines[y * points + x] = out[y];
        }
        for (int y = 0; y < points; y++) {
            take_line(points, lines + y * points, out);
            for (int x = 0; x < points; x++)
                *(vector *)(void *)(p->out + (size_t)(y * points + x) * p->step + c) = out[x];
        }
    }
}

PX_CLONES void px_minimal_take(const struct px_patch *patch, int points)
{
    assert(patch->channels % EIGHT == 0);
    if (points == 3)
        take(patch, 3, false);
    else if (points == 4 && patch->whole)
        take(patch, 4, true);
    else if (points == 4)
        take(patch, 4, false);
    else if (patch->whole)
        take(patch, 6, true);
    else
        take(patch, 6, false);
}

/* One line of a kernel. */
PX_INLINE void kernel_line(const struct px_minimal_weights *weights, int points, int taps,
                           const vector *in, vector *out)
{
    for (int i = 0; i < points; i++) {
        vector sum = (float)weights->row[i][0] * in[0];

        for (int k = 1; k < taps; k++)
            sum += (float)weights->row[i][k] * in[k];
        out[i] = sum;
    }
}

PX_INLINE void take_kernel(const struct px_patch *p, const struct px_minimal_weights *weights,
                           int points, int taps)
{
    for (size_t c = 0; c < p->channels; c += EIGHT) {
        vector lines[PX_PATCH_MAX * PX_PATCH_MAX], in[PX_PATCH_MAX], out[PX_PATCH_MAX];

        for (int x = 0; x < taps; x++) {
            for (int y = 0; y < taps; y++) {
                const float *pixel = p->pixel[y * taps + x];
                in[y] = pixel ? *(const vector *)(const void *)(pixel + c) : (vector){0};
            }
            kernel_line(weights, points, taps, in, out);
            for (int y = 0; y < points; y++)
                lines[y * taps + x] = out[y];
        }
        for (int y = 0; y < points; y++) {
            kernel_line(weights, points, taps, lines + y * taps, out);
            for (int x = 0; x < points; x++)
                *(vector *)(void *)(p->out + (size_t)(y * points + x) * p->step + c) = out[x];
        }
    }
}

PX_CLONES void px_minimal_take_kernel(const struct px_patch *kernel,
                                      const struct px_minimal_weights *weights, int side, int taps)
{
    assert(kernel->channels % EIGHT == 0 && px_minimal_exists(side, taps));
    if (side + taps - 1 == 3)
        take_kernel(kernel, weights, 3, 2);
    else if (taps == 2)
        take_kernel(kernel, weights, 4, 2);
    else if (side + taps - 1 == 4)
        take_kernel(kernel, weights, 4, 3);
    else if (taps == 3)
        take_kernel(kernel, weights, 6, 3);
    else
        take_kernel(kernel, weights, 6, 4);
}

/* The channels from c on: eight, or the last four. */
PX_INLINE void give(const struct px_square *r, int side, int points, size_t c, size_t bytes)
{
    vector lines[PX_PATCH_MAX * PX_PATCH_MAX], in[PX_PATCH_MAX], out[PX_PATCH_MAX], bias = {0};

    if (r->bias)
        memcpy(&bias, r->bias + c, bytes);
    for (int x = 0; x < points; x++) {
        for (int y = 0; y < points; y++) {
            in[y] = (vector){0};
            memcpy(&in[y], r->sums + (size_t)(y * points + x) * r->step + c, bytes);
        }
        give_line(side, points, in, out);
        for (int y = 0; y < side; y++)
            lines[y * points + x] = out[y];
    }
    for (int y = 0; y < side; y++) {
        give_line(side, points, lines + y * points, out);
        for (int x = 0; x < side; x++) {
            vector value = out[x] + bias, below = r->slope * value;
            mask negative = value < 0.0f;
            mask bits = ((mask)below & negative) | ((mask)value & ~negative);

            if (r->pixel[y * side + x])
                memcpy(r->pixel[y * side + x] + c, &bits, bytes);
        }
    }
}

PX_INLINE void give_all(const struct px_square *r, int side, int points)
{
    size_t c = 0;

    for (; c + EIGHT <= r->channels; c += EIGHT)
        give(r, side, points, c, EIGHT * sizeof(float));
    if (c < r->channels)
        give(r, side, points, c, FOUR * sizeof(float));
}

PX_CLONES void px_minimal_give(const struct px_square *square, int side, int kernel)
{
    assert(square->channels % FOUR == 0 && px_minimal_exists(side, kernel));
    if (side == 2 && kernel == 2)
        give_all(square, 2, 3);
    else if (side == 2)
        give_all(square, 2, 4);
    else if (side == 3 && kernel == 2)
        give_all(square, 3, 4);
    else if (side == 3)
        give_all(square, 3, 6);
    else
        give_all(square, 4, 6);
}
