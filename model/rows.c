#include "model/rows.h"

#include <string.h>

#include "base/random.h"
#include "base/simd.h"

/* Every kernel is written once, over elements of either type; `bf16` is a constant where it is
 * inlined, so the compiler makes a loop for each. */
PX_INLINE float load(const void *data, size_t i, bool bf16)
{
    return bf16 ? px_bf16_to_f32(((const uint16_t *)data)[i]) : ((const float *)data)[i];
}

PX_INLINE void store(void *data, size_t i, float value, bool bf16)
{
    if (bf16)
        ((uint16_t *)data)[i] = px_f32_to_bf16(value);
    else
        ((float *)data)[i] = value;
}

PX_INLINE float relu(float x)
{
    return x > 0.0f ? x : 0.0f;
}

PX_INLINE size_t pixel(const struct px_row *r, size_t x)
{
    return (x & 1 ? r->second : r->first) + x / 2 * r->step;
}

PX_INLINE void sum(const struct px_row *r, float *total, bool bf16)
{
    for (size_t p = 0; p < r->width / 2; p++) {
        size_t a = r->first + p * r->step, b = r->second + p * r->step;

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++)
            total[c] += load(r->data, a + c, bf16) + load(r->data, b + c, bf16);
    }
    if (r->width & 1) {
        size_t a = pixel(r, r->width - 1);

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++)
            total[c] += load(r->data, a + c, bf16);
    }
}

PX_CLONES void px_row_sum(const struct px_row *row, float *total)
{
    if (row->dtype == PX_BF16)
        sum(row, total, true);
    else
        sum(row, total, false);
}

PX_INLINE void squares(const struct px_row *r, const float *mean, float *total, bool bf16)
{
    for (size_t p = 0; p < r->width / 2; p++) {
        size_t a = r->first + p * r->step, b = r->second + p * r->step;

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++) {
            float u = load(r->data, a + c, bf16) - mean[c];
            float v = load(r->data, b + c, bf16) - mean[c];

            total[c] += u * u + v * v;
        }
    }
    if (r->width & 1) {
        size_t a = pixel(r, r->width - 1);

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++) {
            float u = load(r->data, a + c, bf16) - mean[c];

            total[c] += u * u;
        }
    }
}

PX_CLONES void px_row_squares(const struct px_row *row, const float *mean, float *total)
{
    if (row->dtype == PX_BF16)
        squares(row, mean, total, true);
    else
        squares(row, mean, total, false);
}

/* `norm` and `add` are constants, too, where this is inlined. */
PX_INLINE void feed_all(const struct px_row *r, const struct px_affine *n, const void *more,
                        float slope, void *out, bool bf16, bool norm, bool add)
{
    const float *mean = n->mean, *scale = n->scale, *beta = n->beta;

    for (size_t x = 0; x < r->width; x++) {
        size_t from = pixel(r, x), to = x * r->channels;

#pragma omp simd
        for (size_t c = 0; c < r->channels; c++) {
            float y = load(r->data, from + c, bf16);

            if (norm)
                y = (y - mean[c]) * scale[c] + beta[c];
            if (add)
                y += load(more, to + c, bf16);
            store(out, to + c, y > 0.0f ? y : slope * y, bf16);
        }
    }
}

PX_INLINE void feed(const struct px_row *r, const struct px_affine *n, const void *more,
                    float slope, void *out, bool bf16)
{
    if (n->mean && more)
        feed_all(r, n, more, slope, out, bf16, true, true);
    else if (n->mean)
        feed_all(r, n, NULL, slope, out, bf16, true, false);
    else if (more)
        feed_all(r, n, more, slope, out, bf16, false, true);
    else
        feed_all(r, n, NULL, slope, out, bf16, false, false);
}

PX_CLONES void px_row_feed(const struct px_row *row, const struct px_affine *affine,
                           const void *more, float slope, void *out)
{
    if (row->dtype == PX_BF16)
        feed(row, affine, more, slope, out, true);
    else
        feed(row, affine, more, slope, out, false);
}

PX_INLINE void up_pixel(const struct px_row *r, size_t from, const struct px_affine *n, void *out,
                        size_t to, bool bf16)
{
    const float *mean = n->mean, *scale = n->scale, *beta = n->beta;

    if (!mean) {
#pragma omp simd
        for (size_t c = 0; c < r->channels; c++)
            store(out, to + c, relu(load(r->data, from + c, bf16)), bf16);
        return;
    }
#pragma omp simd
    for (size_t c = 0; c < r->channels; c++) {
        float y = (load(r->data, from + c, bf16) - mean[c]) * scale[c] + beta[c];

        store(out, to + c, relu(y), bf16);
    }
}

PX_INLINE void up(const struct px_row *r, const struct px_affine *affine,
                  const struct px_row_skip *skip, void *out, bool bf16)
{
    for (size_t x = 0; x < r->width; x++) {
        size_t to = x * (skip->channels + r->channels), from = x * skip->channels;

#pragma omp simd
        for (size_t c = 0; c < skip->channels; c++)
            store(out, to + c, relu(load(skip->data, from + c, bf16)), bf16);
        up_pixel(r, pixel(r, x), affine, out, to + skip->channels, bf16);
    }
}

PX_CLONES void px_row_up(const struct px_row *row, const struct px_affine *affine,
                         const struct px_row_skip *skip, void *out)
{
    if (row->dtype == PX_BF16)
        up(row, affine, skip, out, true);
    else
        up(row, affine, skip, out, false);
}

PX_INLINE void dropout(const struct px_row_drop *d, void *data, bool bf16)
{
    for (size_t x = 0; x < d->pixels; x++) {
        uint64_t index = d->index + x * d->channels;
        size_t at = x * d->step;

#pragma omp simd
        for (size_t c = 0; c < d->channels; c++) {
            float factor = px_hash(d->seed, d->stream, index + c) >> 63 ? 2.0f : 0.0f;

            store(data, at + c, factor * load(data, at + c, bf16), bf16);
        }
    }
}

PX_CLONES void px_row_dropout(const struct px_row_drop *drop, enum px_dtype dtype, void *data)
{
    if (dtype == PX_BF16)
        dropout(drop, data, true);
    else
        dropout(drop, data, false);
}

PX_CLONES void px_row_in_u8(const uint8_t *in, size_t count, enum px_dtype dtype, void *out)
{
    if (dtype == PX_BF16)
        for (size_t i = 0; i < count; i++)
            store(out, i, (float)in[i] / 127.5f - 1.0f, true);
    else
        for (size_t i = 0; i < count; i++)
            store(out, i, (float)in[i] / 127.5f - 1.0f, false);
}

PX_CLONES void px_row_in_f32(const float *in, size_t count, enum px_dtype dtype, void *out)
{
    if (dtype == PX_BF16)
        for (size_t i = 0; i < count; i++)
            store(out, i, in[i], true);
    else
        memcpy(out, in, count * sizeof *in);
}

/* tanh as the quotient of two polynomials (Eigen's ptanh coefficients), off by a few units in the
 * last place; it reaches 1 where it is clamped. A NaN stays one. */
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
