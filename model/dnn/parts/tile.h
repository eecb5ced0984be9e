#ifndef MODEL_DNN_PARTS_TILE_H
#define MODEL_DNN_PARTS_TILE_H

/* 16 x 16 floats and their transposition, the inner loop of model/dnn/blocked.h. */

#include <stdbool.h>
#include <stddef.h>

#include <xmmintrin.h>

#include "base/simd.h"

enum { PX_TILE = 16 };

struct px_tile {
    _Alignas(32) float v[PX_TILE][PX_TILE]; /* ASan keeps no more than 32 on its stacks */
};

/* 16 floats, and the same at any address. */
typedef float px_row16 __attribute__((vector_size(64)));
typedef float px_row16_anywhere __attribute__((vector_size(64), aligned(4), may_alias));

#define PX_ROWS(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* With vectors of 16: first in each fourth of the rows, four rows at a time, then the fourths among
 * each other. */
PX_INLINE void px_tile_transpose_16(const float *in, size_t in_pitch, float *out, size_t out_pitch)
{
    px_row16 r[PX_TILE], t[PX_TILE];

    for (size_t i = 0; i < PX_TILE; i++)
        r[i] = *(const px_row16_anywhere *)(in + i * in_pitch);
    for (int i = 0; i < PX_TILE; i += 2) {
        t[i] = PX_ROWS(r[i], r[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        t[i + 1] =
            PX_ROWS(r[i], r[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    }
    for (int i = 0; i < PX_TILE; i += 4)
        for (int k = 0; k < 2; k++) {
            r[i + 2 * k] = PX_ROWS(t[i + k], t[i + k + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25,
                                   12, 13, 28, 29);
            r[i + 2 * k + 1] = PX_ROWS(t[i + k], t[i + k + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11,
                                       26, 27, 14, 15, 30, 31);
        }
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++) { /* r[4 k' + i] holds columns i, i + 4, i + 8, i + 12 */
            t[8 * k + i] = PX_ROWS(r[8 * k + i], r[8 * k + 4 + i], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17,
                                   18, 19, 24, 25, 26, 27);
            t[8 * k + 4 + i] = PX_ROWS(r[8 * k + i], r[8 * k + 4 + i], 4, 5, 6, 7, 12, 13, 14, 15,
                                       20, 21, 22, 23, 28, 29, 30, 31);
        }
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++) { /* t[8 k' + 4 k + i]: columns 4 k + i and 4 k + i + 8 */
            *(px_row16_anywhere *)(out + (size_t)(4 * k + i) * out_pitch) =
                PX_ROWS(t[4 * k + i], t[8 + 4 * k + i], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19,
                        24, 25, 26, 27);
            *(px_row16_anywhere *)(out + (size_t)(4 * k + i + 8) * out_pitch) =
                PX_ROWS(t[4 * k + i], t[8 + 4 * k + i], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23,
                        28, 29, 30, 31);
        }
}

#undef PX_ROWS

PX_INLINE void px_tile_transpose_4(const float *in, size_t in_pitch, float *out, size_t out_pitch)
{
    for (size_t r = 0; r < PX_TILE; r += 4)
        for (size_t c = 0; c < PX_TILE; c += 4) {
            const float *from = in + r * in_pitch + c;
            float *to = out + c * out_pitch + r;
            __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + in_pitch);
            __m128 d = _mm_loadu_ps(from + 2 * in_pitch), e = _mm_loadu_ps(from + 3 * in_pitch);
            _MM_TRANSPOSE4_PS(a, b, d, e);
            _mm_storeu_ps(to, a);
            _mm_storeu_ps(to + out_pitch, b);
            _mm_storeu_ps(to + 2 * out_pitch, d);
            _mm_storeu_ps(to + 3 * out_pitch, e);
        }
}

/* out[c * out_pitch + r] = in[r * in_pitch + c]; wide: the CPU has registers for vectors of 16. */
PX_INLINE void px_tile_transpose(const float *in, size_t in_pitch, float *out, size_t out_pitch,
                                 bool wide)
{
    if (wide)
        px_tile_transpose_16(in, in_pitch, out, out_pitch);
    else
        px_tile_transpose_4(in, in_pitch, out, out_pitch);
}

#endif
