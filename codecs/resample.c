#include "codecs/resample.h"

#include <stdlib.h>
#include <string.h>

/* The loops are written once over 8 lanes of 32 bits and compiled twice: for any x86-64 or other
 * machine, and for AVX2, where a lane's multiplication is one instruction. */

#define LANES 8

typedef int32_t lanes __attribute__((vector_size(4 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

#define INLINE static inline __attribute__((always_inline))

#define HALF (1 << (PX_FILTER_BITS - 1))

INLINE uint8_t clip(int32_t sum)
{
    int32_t v = sum >> PX_FILTER_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

INLINE void multiply_add(lanes *sum, const uint8_t *in, const lanes *taps)
{
    bytes b;
    memcpy(&b, in, sizeof b);
    *sum += __builtin_convertvector(b, lanes) * *taps;
}

INLINE void store(uint8_t *out, const lanes *sum)
{
    lanes v = *sum >> PX_FILTER_BITS;
    v &= v > 0; /* a comparison gives -1 or 0 a lane */
    v |= v > 255;
    bytes b = __builtin_convertvector(v, bytes);
    memcpy(out, &b, sizeof b);
}

INLINE void columns(const struct px_image *in, const struct px_filter *f, struct px_image *out)
{
    size_t stride = (size_t)in->width * in->channels;

    for (uint32_t y = 0; y < f->out; y++) {
        const int32_t *taps = f->taps + y * f->stride;
        const uint8_t *from = in->data + f->spans[y].first * stride;
        uint8_t *to = out->data + y * stride;
        uint32_t count = f->spans[y].count;
        size_t x = 0;
        for (; x + 4 * LANES <= stride; x += 4 * LANES) {
            lanes sum[4] = {{0}, {0}, {0}, {0}};
            for (int j = 0; j < 4; j++)
                sum[j] += HALF;
            for (uint32_t i = 0; i < count; i++) {
                lanes tap = taps[i] - (lanes){0};
                for (int j = 0; j < 4; j++)
                    multiply_add(&sum[j], from + i * stride + x + j * LANES, &tap);
            }
            for (int j = 0; j < 4; j++)
                store(to + x + j * LANES, &sum[j]);
        }
        for (; x < stride; x++) {
            int32_t sum = HALF;
            for (uint32_t i = 0; i < count; i++)
                sum += from[i * stride + x] * taps[i];
            to[x] = clip(sum);
        }
    }
}

/* One row. `row` holds the input with `step` bytes a pixel (1, 2 or 4: RGB has a spare one, so that
 * lanes keep their channel) and LANES spare bytes at its end; `taps` repeats each tap `step` times,
 * so that a vector covers LANES / step pixels. */
INLINE void row_pass(const uint8_t *row, uint32_t step, const struct px_filter *f,
                     const lanes *taps, uint8_t *out, uint32_t channels)
{
    size_t vectors = f->stride * step / LANES;

    for (uint32_t x = 0; x < f->out; x++, out += channels, taps += vectors) {
        const uint8_t *from = row + (size_t)f->spans[x].first * step;
        size_t used = ((size_t)f->spans[x].count * step + LANES - 1) / LANES;
        lanes sum = {0};
        for (size_t i = 0; i < used; i++)
            multiply_add(&sum, from + i * LANES, &taps[i]);
        for (uint32_t c = 0; c < channels; c++) {
            int32_t total = HALF;
            for (uint32_t j = c; j < LANES; j += step)
                total += sum[j];
            out[c] = clip(total);
        }
    }
}

INLINE void rows(const struct px_image *in, const struct px_filter *f, struct px_image *out,
                 uint8_t *row, const lanes *taps)
{
    uint32_t channels = in->channels;

    for (uint32_t y = 0; y < in->height; y++) {
        const uint8_t *from = in->data + (size_t)y * in->width * channels;
        uint8_t *to = out->data + (size_t)y * out->width * channels;
        if (channels == 3)
            for (size_t x = 0; x < in->width; x++)
                memcpy(row + 4 * x, from + 3 * x, 3);
        else
            memcpy(row, from, (size_t)in->width * channels);
        switch (channels) { /* constants, so that each becomes a loop of its own */
        case 1:
            row_pass(row, 1, f, taps, to, 1);
            break;
        case 2:
            row_pass(row, 2, f, taps, to, 2);
            break;
        case 3:
            row_pass(row, 4, f, taps, to, 3);
            break;
        default:
            row_pass(row, 4, f, taps, to, 4);
        }
    }
}

static void columns_plain(const struct px_image *in, const struct px_filter *f,
                          struct px_image *out)
{
    columns(in, f, out);
}

static void rows_plain(const struct px_image *in, const struct px_filter *f, struct px_image *out,
                       uint8_t *row, const lanes *taps)
{
    rows(in, f, out, row, taps);
}

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2")))

TARGET static void columns_avx2(const struct px_image *in, const struct px_filter *f,
                                struct px_image *out)
{
    columns(in, f, out);
}

TARGET static void rows_avx2(const struct px_image *in, const struct px_filter *f,
                             struct px_image *out, uint8_t *row, const lanes *taps)
{
    rows(in, f, out, row, taps);
}

#define HAVE_AVX2() (__builtin_cpu_supports("avx2"))
#else
#define columns_avx2 columns_plain
#define rows_avx2 rows_plain
#define HAVE_AVX2() 0
#endif

void px_resample_columns(const struct px_image *in, const struct px_filter *filter,
                         struct px_image *out)
{
    (HAVE_AVX2() ? columns_avx2 : columns_plain)(in, filter, out);
}

int px_resample_rows(const struct px_image *in, const struct px_filter *filter,
                     struct px_image *out, struct px_error *err)
{
    uint32_t step = in->channels == 3 ? 4 : in->channels;
    size_t count = filter->out * filter->stride;
    uint8_t *row = calloc((size_t)in->width * step + LANES, 1);
    lanes *taps = aligned_alloc(sizeof(lanes), count * step * sizeof(int32_t));
    int rc = 0;

    if (row && taps) {
        int32_t *t = (int32_t *)taps;
        for (size_t i = 0; i < count * step; i++)
            t[i] = filter->taps[i / step];
        (HAVE_AVX2() ? rows_avx2 : rows_plain)(in, filter, out, row, taps);
    } else {
        rc = px_fail(err, PX_E_NOMEM, "no memory to scale a row of %u pixels", in->width);
    }
    free(taps);
    free(row);
    return rc;
}
