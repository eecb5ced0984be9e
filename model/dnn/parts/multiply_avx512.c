#include "model/dnn/parts/multiply.h"

#include <immintrin.h>

/* Twelve rows by two vectors are 24 sums of the 32 registers. The rows are constants where this is
 * inlined. Weights are fetched ahead, as in multiply_avx2.c. */
enum { AVX512_ROWS = 12, AVX512_FLOATS = 16, AVX512_VECTORS = 2, AVX512_AHEAD = 8 };

#define KERNEL __attribute__((target("avx512f")))
#define KERNEL_PART static inline __attribute__((always_inline, target("avx512f")))

KERNEL_PART void avx512_sum(const struct px_product *p, size_t first, size_t rows, size_t vectors)
{
    const float *from = p->rows + first * p->pitch, *panel = p->panel;
    float *to = p->out + first * p->out_pitch;
    __m512 sums[AVX512_ROWS][AVX512_VECTORS], weights[AVX512_VECTORS];

    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            sums[r][v] = _mm512_setzero_ps();
    for (size_t k = 0; k < p->depth; k++, panel += vectors * AVX512_FLOATS, from += p->step) {
        for (size_t v = 0; v < vectors; v++) {
            weights[v] = _mm512_load_ps(panel + v * AVX512_FLOATS);
            _mm_prefetch(panel + (AVX512_AHEAD * vectors + v) * AVX512_FLOATS, _MM_HINT_T0);
        }
        for (size_t r = 0; r < rows; r++) {
            __m512 value = _mm512_set1_ps(from[r * p->pitch]);
            for (size_t v = 0; v < vectors; v++)
                sums[r][v] = _mm512_fmadd_ps(value, weights[v], sums[r][v]);
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            _mm512_storeu_ps(to + r * p->out_pitch + v * AVX512_FLOATS, sums[r][v]);
}

KERNEL_PART void avx512_multiply(const struct px_product *p, size_t vectors)
{
    size_t r = 0;

    for (; r + AVX512_ROWS <= p->count; r += AVX512_ROWS)
        avx512_sum(p, r, AVX512_ROWS, vectors);
    for (; r + 4 <= p->count; r += 4)
        avx512_sum(p, r, 4, vectors);
    for (; r < p->count; r++)
        avx512_sum(p, r, 1, vectors);
}

KERNEL void px_multiply_avx512(const struct px_product *product)
{
    if (product->width == AVX512_FLOATS)
        avx512_multiply(product, 1);
    else
        avx512_multiply(product, AVX512_VECTORS);
}
