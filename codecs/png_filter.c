#include "codecs/png_filter.h"

#include <assert.h>
#include <string.h>

#include <emmintrin.h>

enum { FILTER_SUB = 1, FILTER_UP = 2 };

static __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static uint32_t distance(uint8_t left)
{
    return left < 128 ? left : 256u - left;
}

/* out = row - other, bytes that wrap; returns the sum of their distances from 0. */
static uint64_t subtract(const uint8_t *row, const uint8_t *other, size_t n, uint8_t *out)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i sums = zero;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m128i x = _mm_sub_epi8(load(row + i), load(other + i));
        _mm_storeu_si128((__m128i *)(void *)(out + i), x);
        sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_min_epu8(x, _mm_sub_epi8(zero, x)), zero));
    }
    uint64_t sum = (uint64_t)_mm_cvtsi128_si64(sums) +
                   (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
    for (; i < n; i++) {
        out[i] = (uint8_t)(row[i] - other[i]);
        sum += distance(out[i]);
    }
    return sum;
}

static uint64_t filter_sub(const uint8_t *row, size_t stride, size_t pixel, uint8_t *out)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < pixel; i++) {
        out[i] = row[i];
        sum += distance(row[i]);
    }
    return sum + subtract(row + pixel, row, stride - pixel, out + pixel);
}

void px_png_filter(const uint8_t *row, const uint8_t *above, size_t stride, size_t pixel,
                   uint8_t *out)
{
    assert(pixel > 0 && stride % pixel == 0);
    /* Above the first row are zeros: Up would leave it as it is, and Sub is nearly always better.
     */
    uint64_t to_above = above ? subtract(row, above, stride, out + 1) : UINT64_MAX;
    uint64_t to_left = filter_sub(row, stride, pixel, out + 1);

    out[0] = FILTER_SUB;
    if (to_left > to_above) {
        subtract(row, above, stride, out + 1);
        out[0] = FILTER_UP;
    }
}
