#include "codecs/png_deflate.h"

#include <assert.h>

#include <emmintrin.h>
#include <isa-l/igzip_lib.h>

#include "base/block.h"

enum { IDAT_SIZE = 1 << 16, SUB = 1, UP = 2 };

struct px_png_deflate {
    struct isal_zstream stream;
    uint8_t level[ISAL_DEF_LVL1_DEFAULT], out[IDAT_SIZE];
    size_t stride, pixel;
    bool taken;        /* the last piece */
    uint8_t *sub, *up; /* a filtered row of either kind, behind its number */
    uint8_t memory[];  /* of these, and a row of zeros */
};

struct px_png_deflate *px_png_deflate_create(size_t stride, size_t pixel)
{
    struct px_png_deflate *d = px_block_take_zeroed(sizeof *d + 3 * (stride + 1));

    assert(pixel > 0 && stride % pixel == 0);
    if (!d)
        return NULL;
    isal_deflate_init(&d->stream);
    d->stream.level = 1;
    d->stream.level_buf = d->level;
    d->stream.level_buf_size = sizeof d->level;
    d->stream.gzip_flag = IGZIP_ZLIB;
    d->stream.next_out = d->out;
    d->stream.avail_out = IDAT_SIZE;
    d->stride = stride;
    d->pixel = pixel;
    d->sub = d->memory;
    d->up = d->sub + stride + 1;
    d->sub[0] = SUB;
    d->up[0] = UP;
    return d;
}

void px_png_deflate_destroy(struct px_png_deflate *deflate)
{
    px_block_release(deflate);
}

/* out = row - other, bytes that wrap; returns the sum of their distances from 0. */
static uint64_t subtract(const uint8_t *row, const uint8_t *other, size_t n, uint8_t *out)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i sums = zero;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m128i x = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)(row + i)),
                                 _mm_loadu_si128((const __m128i *)(const void *)(other + i)));
        _mm_storeu_si128((__m128i *)(void *)(out + i), x);
        sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_min_epu8(x, _mm_sub_epi8(zero, x)), zero));
    }
    uint64_t sum = (uint64_t)_mm_cvtsi128_si64(sums) +
                   (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
    for (; i < n; i++) {
        out[i] = (uint8_t)(row[i] - other[i]);
        sum += out[i] < 128 ? out[i] : 256u - out[i];
    }
    return sum;
}

/* The row, filtered the way that leaves less, behind the filter's number. */
static uint8_t *filter(struct px_png_deflate *d, const uint8_t *row, const uint8_t *above)
{
    const uint8_t *zeros = d->up + d->stride + 1;
    size_t pixel = d->pixel;

    uint64_t to_above = subtract(row, above ? above : zeros, d->stride, d->up + 1);
    uint64_t to_left = subtract(row, zeros, pixel, d->sub + 1);
    to_left += subtract(row + pixel, row, d->stride - pixel, d->sub + 1 + pixel);
    return to_left <= to_above ? d->sub : d->up;
}

void px_png_deflate_put(struct px_png_deflate *d, const uint8_t *row, const uint8_t *above,
                        bool last)
{
    assert(d->stream.avail_in == 0 && !d->stream.end_of_stream);
    d->stream.next_in = filter(d, row, above);
    d->stream.avail_in = (uint32_t)d->stride + 1;
    d->stream.end_of_stream = last;
}

bool px_png_deflate_take(struct px_png_deflate *d, struct px_span *piece)
{
    if (d->stream.avail_out == 0) {
        d->stream.next_out = d->out;
        d->stream.avail_out = IDAT_SIZE;
    }
    if (d->taken)
        return false;
    int failed = isal_deflate(&d->stream);
    assert(failed == COMP_OK);
    (void)failed;
    d->taken = d->stream.internal_state.state == ZSTATE_END;
    if (d->stream.avail_out > 0 && !d->taken)
        return false;
    *piece = (struct px_span){d->out, IDAT_SIZE - d->stream.avail_out};
    return true;
}
