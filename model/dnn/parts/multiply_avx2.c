#include "model/dnn/parts/multiply.h"

#include <immintrin.h>

/* Six rows by two vectors are twelve sums: the other registers of the sixteen hold two vectors of
 * weights and a value of a row. The rows are constants where this is inlined. Weights are fetched
 * ahead, which is 5 to 10 % faster if they come from far; the next panel lies behind this one. */
enum { AVX2_ROWS = 6, AVX2_FLOATS = 8, AVX2_VECTORS = 2, AVX2_AHEAD = 16 };

#define KERNEL __attribute__((target("avx2,fma")))
#define KERNEL_PART static inline __attribute__((always_inline, target("avx2,fma")))

KERNEL_PART void avx2_sum(const struct px_product *p, size_t first, size_t rows, size_t vectors)
{
    const float *from = p->rows + first * p->pitch, *panel = p->panel;
    float *to = p->out + first * p->out_pitch;
    __m256 sums[AVX2_ROWS][AVX2_VECTORS], weights[AVX2_VECTORS];

    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            sums[r][v] = _mm256_setzero_ps();
    for (size_t k = 0; k < p->depth; k++, panel += vectors * AVX2_FLOATS, from += p->step) {
        _mm_prefetch(panel + AVX2_AHEAD * vectors * AVX2_FLOATS, _MM_HINT_T0);
        for (size_t v = 0; v < vectors; v++)
            weights[v] = _mm256_load_ps(panel + v * AVX2_FLOATS);
        for (size_t r = 0; r < rows; r++) {
            __m256 value = _mm256_broadcast_ss(from + r * p->pitch);
            for (size_t v = 0; v < vectors; v++)
                sums[r][v] = _mm256_fmadd_ps(value, weights[v], sums[r][v]);
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            _mm256_storeu_ps(to + r * p->out_pitch + v * AVX2_FLOATS, sums[r][v]);
}

KERNEL_PART void avx2_multiply(const struct px_product *p, size_t vectors)
{
    size_t r = 0;

    for (; r + AVX2_ROWS <= p->count; r += AVX2_ROWS)
        avx2_sum(p, r, AVX2_ROWS, vectors);
    switch (p->count - r) {
    case 5:
        avx2_sum(p, r, 5, vectors);
        break;
    case 4:
        avx2_sum(p, r, 4, vectors);
        break;
    case 3:
        avx2_sum(p, r, 3, vectors);
        break;
    case 2:
        avx2_sum(p, r, 2, vectors);
        break;
    case 1:
        avx2_sum(p, r, 1, vectors);
        break;
    default:
        break;
    }
}

KERNEL void px_multiply_avx2(const struct px_product *product)
{
    if (product->width == AVX2_FLOATS)
        avx2_multiply(product, 1);
    else
        avx2_multiply(product, AVX2_VECTORS);
}
