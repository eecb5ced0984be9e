#include "trainer/reflect.h"

#include <stddef.h>
#include <string.h>

#include "base/simd.h"

/* Where padded position i comes from. */
static int mirrored(int i, int size, int pad)
{
    i -= pad;
    if (i < 0)
        i = -i;
    return i < size ? i : 2 * (size - 1) - i;
}

void px_reflect_pad(const struct px_reflect *r, const float *in, float *out)
{
    int height = r->height + 2 * r->pad, width = r->width + 2 * r->pad, pad = r->pad;
    size_t c = (size_t)r->channels, row = (size_t)r->width * c, padded = (size_t)width * c;

#pragma omp parallel for num_threads(r->threads) schedule(static)
    for (int i = 0; i < r->n * height; i++) {
        int y = mirrored(i % height, r->height, pad);
        const float *from = in + ((size_t)(i / height * r->height) + (size_t)y) * row;
        float *to = out + (size_t)i * padded;
        memcpy(to + (size_t)pad * c, from, row * sizeof *to);
        for (int x = 0; x < pad; x++) {
            int right = r->width + pad + x;
            memcpy(to + (size_t)x * c, from + (size_t)mirrored(x, r->width, pad) * c,
                   c * sizeof *to);
            memcpy(to + (size_t)right * c, from + (size_t)mirrored(right, r->width, pad) * c,
                   c * sizeof *to);
        }
    }
}

/* The padded positions that come from position i: at most three. */
static int copies(int i, int size, int pad, int at[3])
{
    int n = 0;

    at[n++] = i + pad;
    if (i >= 1 && i <= pad)
        at[n++] = pad - i;
    if (i <= size - 2 && i >= size - 1 - pad)
        at[n++] = pad + 2 * (size - 1) - i;
    return n;
}

PX_CLONES static void add(float *to, const float *from, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* Adds one padded row, folded at its ends, to a row of the gradient. */
static void fold_row(const struct px_reflect *r, const float *dout, float *din)
{
    size_t c = (size_t)r->channels;
    int at[3];

    add(din, dout + (size_t)r->pad * c, (size_t)r->width * c);
    for (int x = 0; x < r->width; x++) {
        int n = copies(x, r->width, r->pad, at);
        for (int k = 1; k < n; k++)
            add(din + (size_t)x * c, dout + (size_t)at[k] * c, c);
    }
}

void px_reflect_fold(const struct px_reflect *r, const float *dout, float *din)
{
    int height = r->height + 2 * r->pad;
    size_t c = (size_t)r->channels;
    size_t row = (size_t)r->width * c, padded = (size_t)(r->width + 2 * r->pad) * c;

#pragma omp parallel for num_threads(r->threads) schedule(static)
    for (int i = 0; i < r->n * r->height; i++) {
        int at[3];
        int n = copies(i % r->height, r->height, r->pad, at);
        const float *image = dout + (size_t)(i / r->height * height) * padded;
        float *to = din + (size_t)i * row;
        memset(to, 0, row * sizeof *to);
        for (int k = 0; k < n; k++)
            fold_row(r, image + (size_t)at[k] * padded, to);
    }
}
