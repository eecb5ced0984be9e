#include "model/engine/parts/rows.h"

#include <string.h>

#include <emmintrin.h>

#include "base/random.h"
#include "model/network/element.h"

PX_INLINE float within(float x, float least, float most)
{
    x = x > least ? x : least; /* a NaN becomes the least */
    return most < x ? most : x;
}

/* Numbers that fit 8 bits, rounded to nearest, ties to even. By hand, because gcc makes loops of 64
 * of bytes, and layers with fewer channels would go one by one (16: six times slower). */
PX_INLINE void store_bytes(uint8_t *out, const float *line, size_t count, enum px_dtype type)
{
    size_t c = 0;

    for (; c + 16 <= count; c += 16) {
        __m128i a = _mm_cvtps_epi32(_mm_loadu_ps(line + c));
        __m128i b = _mm_cvtps_epi32(_mm_loadu_ps(line + c + 4));
        __m128i d = _mm_cvtps_epi32(_mm_loadu_ps(line + c + 8));
        __m128i e = _mm_cvtps_epi32(_mm_loadu_ps(line + c + 12));
        __m128i low = _mm_packs_epi32(a, b), high = _mm_packs_epi32(d, e);

        _mm_storeu_si128((__m128i *)(void *)(out + c),
                         type == PX_U8 ? _mm_packus_epi16(low, high) : _mm_packs_epi16(low, high));
    }
    for (; c < count; c++)
        out[c] = (uint8_t)_mm_cvtss_si32(_mm_set_ss(line[c]));
}

PX_INLINE size_t pixel(const struct px_row *r, size_t x)
{
    return (x & 1 ? r->second : r->first) + x / 2 * r->step;
}

PX_INLINE void sum(const struct px_row *r, float *total, enum px_dtype type)
{
    for (size_t p = 0; p < r->width / 2; p++) {
        size_t a = r->first + p * r->step, b = r->second + p * r->step;

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++)
            total[c] +=
                px_load(r->data, a + c, type == PX_BF16) + px_load(r->data, b + c, type == PX_BF16);
    }
    if (r->width & 1) {
        size_t a = pixel(r, r->width - 1);

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++)
            total[c] += px_load(r->data, a + c, type == PX_BF16);
    }
}

PX_CLONES void px_row_sum(const struct px_row *row, float *total)
{
    if (row->dtype == PX_BF16)
        sum(row, total, PX_BF16);
    else
        sum(row, total, PX_F32);
}

PX_INLINE void squares(const struct px_row *r, const float *mean, float *total, enum px_dtype type)
{
    for (size_t p = 0; p < r->width / 2; p++) {
        size_t a = r->first + p * r->step, b = r->second + p * r->step;

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++) {
            float u = px_load(r->data, a + c, type == PX_BF16) - mean[c];
            float v = px_load(r->data, b + c, type == PX_BF16) - mean[c];

            total[c] += u * u + v * v;
        }
    }
    if (r->width & 1) {
        size_t a = pixel(r, r->width - 1);

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++) {
            float u = px_load(r->data, a + c, type == PX_BF16) - mean[c];

            total[c] += u * u;
        }
    }
}

PX_CLONES void px_row_squares(const struct px_row *row, const float *mean, float *total)
{
    if (row->dtype == PX_BF16)
        squares(row, mean, total, PX_BF16);
    else
        squares(row, mean, total, PX_F32);
}

enum extra { NOTHING, ADD, DROP };

struct feed { /* the arguments of px_row_feed() */
    const struct px_row *row;
    const struct px_affine *affine;
    const struct px_row_extra *extra;
    const struct px_row_target *to;
};

struct row_kind { /* of a feed: constants where they are inlined */
    enum px_dtype in, out;
    bool norm;
    enum extra extra;
};

/* Channel c of a pixel that begins at element `from` of the row and is the row's element `at` where
 * pixels are close together: normalised, with the extra, activated. */
PX_INLINE float fed(const struct feed *f, size_t from, size_t at, size_t c, struct row_kind k)
{
    float y = px_load(f->row->data, from + c, k.in == PX_BF16);

    if (k.norm)
        y = (y - f->affine->mean[c]) * f->affine->scale[c] + f->affine->beta[c];
    if (k.extra == ADD)
        y += px_load(f->extra->more, at + c, k.in == PX_BF16);
    if (k.extra == DROP) {
        const struct px_row_drop *d = f->extra->drop;
        y *= px_hash(d->seed, d->stream, d->index + at + c) >> 63 ? 2.0f : 0.0f;
    }
    float below = f->to->slope * y;
    return below > y ? below : y;
}

enum { SPAN = 256 }; /* channels that become bytes at a time */

PX_INLINE void feed_bytes(const struct feed *f, size_t x, size_t from, struct row_kind k)
{
    const float *inverse = f->to->inverse, most = k.out == PX_U8 ? 255.0f : 127.0f;
    const float least = k.out == PX_U8 ? 0.0f : -127.0f;
    size_t channels = f->row->channels;
    float line[SPAN];

    for (size_t first = 0; first < channels; first += SPAN) {
        size_t count = channels - first < SPAN ? channels - first : SPAN;

#pragma omp simd
        for (size_t c = 0; c < count; c++)
            line[c] =
                within(fed(f, from, x * channels, first + c, k) * inverse[first + c], least, most);
        store_bytes((uint8_t *)f->to->data + x * f->to->step + first, line, count, k.out);
    }
}

PX_INLINE void feed_row(const struct feed *f, struct row_kind k)
{
    size_t channels = f->row->channels;

    for (size_t x = 0; x < f->row->width; x++) {
        size_t from = pixel(f->row, x), to = x * f->to->step;

        if (k.out == PX_S8 || k.out == PX_U8) {
            feed_bytes(f, x, from, k);
            continue;
        }
#pragma omp simd
        for (size_t c = 0; c < channels; c++)
            px_store(f->to->data, to + c, fed(f, from, x * channels, c, k), k.out == PX_BF16);
    }
}

PX_INLINE void feed_extra(const struct feed *f, enum px_dtype in, enum px_dtype out, bool norm)
{
    if (f->extra->more)
        feed_row(f, (struct row_kind){in, out, norm, ADD});
    else if (f->extra->drop)
        feed_row(f, (struct row_kind){in, out, norm, DROP});
    else
        feed_row(f, (struct row_kind){in, out, norm, NOTHING});
}

PX_INLINE void feed_norm(const struct feed *f, enum px_dtype in, enum px_dtype out)
{
    if (f->affine->mean)
        feed_extra(f, in, out, true);
    else
        feed_extra(f, in, out, false);
}

PX_INLINE void feed(const struct feed *f, enum px_dtype in)
{
    if (f->to->dtype == PX_S8)
        feed_norm(f, in, PX_S8);
    else if (f->to->dtype == PX_U8)
        feed_norm(f, in, PX_U8);
    else
        feed_norm(f, in, in);
}

PX_INLINE void copy(const struct px_row *r, const struct px_row_target *t)
{
    const uint8_t *from = r->data;
    uint8_t *to = t->data;

    for (size_t x = 0; x < r->width; x++) {
        size_t at = pixel(r, x);

        size_t c = 0;

        for (; c + 16 <= r->channels; c += 16) /* in one instruction each */
            memcpy(to + x * t->step + c, from + at + c, 16);
        for (; c < r->channels; c++)
            to[x * t->step + c] = from[at + c];
    }
}

PX_CLONES void px_row_feed(const struct px_row *row, const struct px_affine *affine,
                           const struct px_row_extra *extra, const struct px_row_target *to)
{
    const struct feed f = {row, affine, extra, to};

    if (row->dtype == PX_BF16)
        feed(&f, PX_BF16);
    else if (row->dtype == PX_F32)
        feed(&f, PX_F32);
    else
        copy(row, to);
}

PX_CLONES void px_row_in_u8(const uint8_t *in, size_t count, enum px_dtype dtype, void *out)
{
    if (dtype == PX_BF16)
        for (size_t i = 0; i < count; i++)
            px_store(out, i, (float)in[i] / 127.5f - 1.0f, true);
    else
        for (size_t i = 0; i < count; i++)
            px_store(out, i, (float)in[i] / 127.5f - 1.0f, false);
}

PX_CLONES void px_row_in_f32(const float *in, size_t count, enum px_dtype dtype, void *out)
{
    if (dtype == PX_BF16)
        for (size_t i = 0; i < count; i++)
            px_store(out, i, in[i], true);
    else
        memcpy(out, in, count * sizeof *in);
}

/* tanh as the quotient of two polynomials (Eigen's ptanh coefficients), off by a few units in the
 * last place; it reaches 1 at the clamp. A NaN stays a NaN. */
PX_INLINE float tanh_fast(float x)
{
    const float limit = 7.90531110763549805f;

    x = x > limit ? limit : x;
    x = x < -limit ? -limit : x;
    float s = x * x;
    float p = -2.76076847742355e-16f;
    p = p * s + 2.00018790482477e-13f;
    p = p * s + -8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-08f;
    p = p * s + 1.48572235717979e-05f;
    p = p * s + 6.37261928875436e-04f;
    p = p * s + 4.89352455891786e-03f;
    float q = 1.19825839466702e-06f;
    q = q * s + 1.18534705686654e-04f;
    q = q * s + 2.26843463243900e-03f;
    q = q * s + 4.89352518554385e-03f;
    return x * p / q;
}

PX_INLINE uint8_t to_u8(float y)
{
    float v = (y + 1.0f) * 127.5f;

    v = v > 0.0f ? v : 0.0f; /* a NaN, too */
    return (uint8_t)(int)(v < 255.0f ? v : 255.0f);
}

/* Pairs p..end of pixels, brought together. */
PX_INLINE void gather(const struct px_row *r, size_t p, size_t end, size_t channels, float *line)
{
    const float *data = r->data;

    for (; p < end; p++, line += 2 * channels)
        for (size_t c = 0; c < channels; c++) {
            line[c] = data[r->first + p * r->step + c];
            line[channels + c] = data[r->second + p * r->step + c];
        }
}

enum { LINE = 1024 }; /* floats gathered at a time: the channels are few, the vectors long */

/* Gathers as many pairs from *p on as the line holds; returns the number of floats. */
PX_INLINE size_t next_line(const struct px_row *r, size_t *p, float *line)
{
    size_t start = *p, end = start + LINE / (2 * r->channels);

    *p = end < r->width / 2 ? end : r->width / 2;
    if (r->channels == 3) /* a loop of its own for the usual case: four times as fast */
        gather(r, start, *p, 3, line);
    else
        gather(r, start, *p, r->channels, line);
    return (*p - start) * 2 * r->channels;
}

PX_CLONES void px_row_out_u8(const struct px_row *row, uint8_t *out)
{
    float line[LINE];

    for (size_t p = 0, n; p < row->width / 2; out += n) {
        n = next_line(row, &p, line);
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            out[i] = to_u8(tanh_fast(line[i]));
    }
}

PX_CLONES void px_row_out_f32(const struct px_row *row, float *out)
{
    float line[LINE];

    for (size_t p = 0, n; p < row->width / 2; out += n) {
        n = next_line(row, &p, line);
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            out[i] = tanh_fast(line[i]);
    }
}
