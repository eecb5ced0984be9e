#include "trainer/nn/parts/reflect.h"

#include <stddef.h>
#include <string.h>

#include "trainer/nn/parts/element.h"

/* Where padded position i comes from. */
static int mirrored(int i, int size, int pad)
{
    i -= pad;
    if (i < 0)
        i = -i;
    return i < size ? i : 2 * (size - 1) - i;
}

void px_reflect_pad(const struct px_reflect *r, const void *in, void *out)
{
    int height = r->height + 2 * r->pad, width = r->width + 2 * r->pad, pad = r->pad;
    size_t c = (size_t)r->channels * px_dtype_size(r->dtype); /* bytes of a pixel */
    size_t row = (size_t)r->width * c, padded = (size_t)width * c;

#pragma omp parallel for num_threads(r->threads) schedule(static)
    for (int i = 0; i < r->n * height; i++) {
        int y = mirrored(i % height, r->height, pad);
        const char *from = (const char *)in + ((size_t)(i / height * r->height) + (size_t)y) * row;
        char *to = (char *)out + (size_t)i * padded;
        memcpy(to + (size_t)pad * c, from, row);
        for (int x = 0; x < pad; x++) {
            int right = r->width + pad + x;
            memcpy(to + (size_t)x * c, from + (size_t)mirrored(x, r->width, pad) * c, c);
            memcpy(to + (size_t)right * c, from + (size_t)mirrored(right, r->width, pad) * c, c);
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

/* The copies of one pixel in the padded picture, and the pixel's gradient. */
struct fold {
    const void *from[9];
    int count;
    void *to;
    size_t channels;
};

PX_INLINE void fold_kernel(const struct fold *f, bool bf16)
{
#pragma omp simd
    for (size_t c = 0; c < f->channels; c++) {
        float sum = px_load(f->from[0], c, bf16);
        for (int k = 1; k < f->count; k++)
            sum += px_load(f->from[k], c, bf16);
        px_store(f->to, c, sum, bf16);
    }
}

PX_CLONES static void fold_pixel(const struct fold *f, enum px_dtype dtype)
{
    if (f->count == 1)
        memcpy(f->to, f->from[0], f->channels * px_dtype_size(dtype));
    else if (dtype == PX_BF16)
        fold_kernel(f, true);
    else
        fold_kernel(f, false);
}

/* One row of the gradient, from the `count` padded rows `y` of its picture. */
static void fold_row(const struct px_reflect *r, const void *image, const int *y, int count,
                     void *din)
{
    size_t c = (size_t)r->channels, padded = (size_t)(r->width + 2 * r->pad) * c;

    for (int x = 0; x < r->width; x++) {
        int at[3];
        int n = copies(x, r->width, r->pad, at);
        struct fold f = {.to = px_element(din, (size_t)x * c, r->dtype), .channels = c};
        for (int k = 0; k < count; k++)
            for (int l = 0; l < n; l++)
                f.from[f.count++] =
                    px_element(image, (size_t)y[k] * padded + (size_t)at[l] * c, r->dtype);
        fold_pixel(&f, r->dtype);
    }
}

void px_reflect_fold(const struct px_reflect *r, const void *dout, void *din)
{
    int height = r->height + 2 * r->pad;
    size_t row = (size_t)(r->width * r->channels);
    size_t padded = (size_t)((r->width + 2 * r->pad) * r->channels);

#pragma omp parallel for num_threads(r->threads) schedule(static)
    for (int i = 0; i < r->n * r->height; i++) {
        int y[3];
        int n = copies(i % r->height, r->height, r->pad, y);
        fold_row(r, px_element(dout, (size_t)(i / r->height * height) * padded, r->dtype), y, n,
                 px_element(din, (size_t)i * row, r->dtype));
    }
}
