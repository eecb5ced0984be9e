#include "codecs/resample.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/block.h"
#include "base/simd.h"

/* With AVX2, a vector of 8 lanes is one register and its multiplication one instruction; without,
 * the compiler splits it. */

enum { LANES = 8, BLOCK = 32, HALF = 1 << (PX_FILTER_BITS - 1) };

typedef int32_t lanes __attribute__((vector_size(4 * LANES)));

PX_INLINE uint8_t clip(int32_t sum)
{
    int32_t v = sum >> PX_FILTER_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Numbers per pixel in a row of lanes: RGB has a spare one, so that a lane keeps its channel. */
PX_INLINE uint32_t step_of(uint32_t channels)
{
    return channels == 3 ? 4 : channels;
}

/* One row. `row` holds the input as step_of(channels) numbers per pixel and LANES spare ones at its
 * end; `taps` repeats each tap as often, so that a vector covers LANES / step pixels. */
PX_INLINE void row_pass(const int32_t *row, const struct px_filter *f, const lanes *taps,
                        uint8_t *out, uint32_t channels)
{
    uint32_t step = step_of(channels);
    size_t vectors = f->stride * step / LANES;

    for (uint32_t x = 0; x < f->out; x++, out += channels, taps += vectors) {
        const int32_t *from = row + (size_t)f->ranges[x].first * step;
        size_t used = ((size_t)f->ranges[x].count * step + LANES - 1) / LANES;
        lanes sum = {0};
        for (size_t i = 0; i < used; i++) {
            lanes pixels;
            memcpy(&pixels, from + i * LANES, sizeof pixels);
            sum += pixels * taps[i];
        }
        for (uint32_t c = 0; c < channels; c++) {
            int32_t total = HALF;
            for (uint32_t j = c; j < LANES; j += step)
                total += sum[j];
            out[c] = clip(total);
        }
    }
}

PX_INLINE void widen(const uint8_t *in, uint32_t channels, int32_t *row, uint32_t width)
{
    uint32_t step = step_of(channels);

    for (size_t x = 0; x < width; x++)
        for (uint32_t c = 0; c < channels; c++)
            row[x * step + c] = in[x * channels + c];
}

#define ROW(channels)                                                                              \
    case channels:                                                                                 \
        widen(from, channels, row, in->width);                                                     \
        row_pass(row, f, taps, to, channels);                                                      \
        break

PX_CLONES static void filter_rows(const struct px_image *in, const struct px_filter *f,
                                  struct px_image *out, int32_t *row, const lanes *taps)
{
    for (uint32_t y = 0; y < in->height; y++) {
        const uint8_t *from = in->data + (size_t)y * in->width * in->channels;
        uint8_t *to = out->data + (size_t)y * out->width * in->channels;
        switch (in->channels) { /* constants, so that each becomes a loop of its own */
            ROW(1);
            ROW(2);
            ROW(3);
            ROW(4);
        }
    }
}

/* Bytes until the next address that is aligned for lanes. */
static size_t misalignment(const char *block)
{
    return -(uintptr_t)block % sizeof(lanes);
}

int px_resample_rows(const struct px_image *in, const struct px_filter *filter,
                     struct px_image *out, struct px_error *err)
{
    uint32_t step = step_of(in->channels);
    size_t count = filter->out * filter->stride;
    int32_t *row = px_block_take_zeroed(((size_t)in->width * step + LANES) * sizeof *row);
    char *block = px_block_take(count * step * sizeof(int32_t) + sizeof(lanes));
    lanes *taps = block ? (lanes *)(void *)(block + misalignment(block)) : NULL;
    int rc = 0;

    assert(in->width == filter->in && out->width == filter->out);
    assert(in->height == out->height && in->channels == out->channels);
    if (row && taps) {
        int32_t *t = (int32_t *)taps;
        for (size_t i = 0; i < count * step; i++)
            t[i] = filter->taps[i / step];
        filter_rows(in, filter, out, row, taps);
    } else {
        rc = px_fail(err, PX_E_NOMEM, "no memory to scale a row of %u pixels", in->width);
    }
    px_block_release(block);
    px_block_release(row);
    return rc;
}

struct column_taps {
    const int32_t *taps;
    uint32_t count;
};

/* `width` neighbouring bytes of an output row; a constant width keeps the sums in registers. */
PX_INLINE void column_block(const uint8_t *in, size_t stride, struct column_taps column,
                            uint8_t *out, size_t width)
{
    int32_t sum[BLOCK];

    for (size_t x = 0; x < width; x++)
        sum[x] = HALF;
    for (uint32_t i = 0; i < column.count; i++, in += stride)
        for (size_t x = 0; x < width; x++)
            sum[x] += in[x] * column.taps[i];
    for (size_t x = 0; x < width; x++)
        out[x] = clip(sum[x]);
}

PX_CLONES void px_resample_columns(const struct px_image *in, const struct px_filter *f,
                                   struct px_image *out)
{
    size_t stride = (size_t)in->width * in->channels;

    assert(in->height == f->in && out->height == f->out);
    assert(in->width == out->width && in->channels == out->channels);
    for (uint32_t y = 0; y < f->out; y++) {
        const struct column_taps column = {f->taps + y * f->stride, f->ranges[y].count};
        const uint8_t *from = in->data + f->ranges[y].first * stride;
        uint8_t *to = out->data + y * stride;
        size_t x = 0;
        for (; x + BLOCK <= stride; x += BLOCK)
            column_block(from + x, stride, column, to + x, BLOCK);
        column_block(from + x, stride, column, to + x, stride - x);
    }
}
