#include "model/blocked.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xmmintrin.h>

#include "model/dtype.h"

enum { BLOCK = 16 };

struct px_blocked {
    size_t dims[3];    /* oc, ic, taps */
    size_t *offset[3]; /* an element's offset is offset[0][o] + offset[1][i] + offset[2][t] */
    bool padded;       /* the buffer has elements that no weight maps to */
    size_t size;       /* elements of the buffer */
    int along;         /* 0 or 1: the dimension that is contiguous in runs of BLOCK; -1: neither */
    size_t memory[];   /* what offset[] points into */
};

struct layout { /* what oneDNN tells of a blocked format */
    int ndims, inner_count;
    const dnnl_dims_t *dims, *padded, *strides, *blocks, *indices;
    dnnl_format_kind_t kind;
};

static bool query(const_dnnl_memory_desc_t d, struct layout *l)
{
    return dnnl_memory_desc_query(d, dnnl_query_format_kind, &l->kind) == dnnl_success &&
           l->kind == dnnl_blocked &&
           dnnl_memory_desc_query(d, dnnl_query_ndims_s32, &l->ndims) == dnnl_success &&
           l->ndims == 4 && dnnl_memory_desc_query(d, dnnl_query_dims, &l->dims) == dnnl_success &&
           dnnl_memory_desc_query(d, dnnl_query_padded_dims, &l->padded) == dnnl_success &&
           dnnl_memory_desc_query(d, dnnl_query_strides, &l->strides) == dnnl_success &&
           dnnl_memory_desc_query(d, dnnl_query_inner_nblks_s32, &l->inner_count) == dnnl_success &&
           dnnl_memory_desc_query(d, dnnl_query_inner_blks, &l->blocks) == dnnl_success &&
           dnnl_memory_desc_query(d, dnnl_query_inner_idxs, &l->indices) == dnnl_success;
}

/* The part of an element's offset that index `i` of dimension d contributes. */
static size_t term(const struct layout *l, int d, size_t i)
{
    size_t offset = 0, stride = 1;

    for (int k = l->inner_count - 1; k >= 0; k--) {
        size_t block = (size_t)(*l->blocks)[k];
        if ((*l->indices)[k] == d) {
            offset += i % block * stride;
            i /= block;
        }
        stride *= block;
    }
    return offset + i * (size_t)(*l->strides)[d];
}

static bool runs_are_contiguous(const size_t *offset, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (i % BLOCK && offset[i] != offset[i - 1] + 1)
            return false;
    return true;
}

struct px_blocked *px_blocked_create(const_dnnl_memory_desc_t desc)
{
    struct layout l = {0};

    if (!query(desc, &l))
        return NULL;
    size_t oc = (size_t)(*l.dims)[0], ic = (size_t)(*l.dims)[1];
    size_t kh = (size_t)(*l.dims)[2], kw = (size_t)(*l.dims)[3];
    struct px_blocked *b = malloc(sizeof *b + (oc + ic + kh * kw) * sizeof(size_t));
    if (!b)
        return NULL;
    b->dims[0] = oc;
    b->dims[1] = ic;
    b->dims[2] = kh * kw;
    b->offset[0] = b->memory;
    b->offset[1] = b->memory + oc;
    b->offset[2] = b->memory + oc + ic;
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < b->dims[d]; i++)
            b->offset[d][i] = term(&l, (int)d, i);
    for (size_t t = 0; t < kh * kw; t++)
        b->offset[2][t] = term(&l, 2, t / kw) + term(&l, 3, t % kw);
    b->size = 1;
    for (int d = 0; d < 4; d++)
        b->size *= (size_t)(*l.padded)[d];
    b->padded = b->size != oc * ic * kh * kw;
    b->along = runs_are_contiguous(b->offset[0], oc)   ? 0
               : runs_are_contiguous(b->offset[1], ic) ? 1
                                                       : -1;
    return b;
}

void px_blocked_destroy(struct px_blocked *blocked)
{
    free(blocked);
}

/* 16 elements of a run by 16 taps. Each side of a move touches whole cache lines of memory once and
 * this tile for the rest: plain rows lie a power of two apart and would evict each other. */
struct tile {
    _Alignas(32) float v[BLOCK][BLOCK]; /* what _mm_load_ps needs; ASan keeps 32 on its stacks */
};

static void transpose(const struct tile *in, struct tile *out)
{
    for (int r = 0; r < BLOCK; r += 4)
        for (int c = 0; c < BLOCK; c += 4) {
            __m128 a = _mm_load_ps(&in->v[r][c]), b = _mm_load_ps(&in->v[r + 1][c]);
            __m128 d = _mm_load_ps(&in->v[r + 2][c]), e = _mm_load_ps(&in->v[r + 3][c]);
            _MM_TRANSPOSE4_PS(a, b, d, e);
            _mm_store_ps(&out->v[c][r], a);
            _mm_store_ps(&out->v[c + 1][r], b);
            _mm_store_ps(&out->v[c + 2][r], d);
            _mm_store_ps(&out->v[c + 3][r], e);
        }
}

enum move { PACK_F32, PACK_BF16, UNPACK_F32 };

/* Whether a run's packed rows are read or written, and as what. */
static void packed_row(enum move move, void *packed, size_t at, float *row, size_t n)
{
    if (move == PACK_F32)
        memcpy((float *)packed + at, row, n * sizeof *row);
    else if (move == UNPACK_F32)
        memcpy(row, (const float *)packed + at, n * sizeof *row);
    else
        for (size_t k = 0; k < n; k++)
            ((uint16_t *)packed)[at + k] = px_f32_to_bf16(row[k]);
}

/* A block of a move: a run of up to 16 elements along one dimension (contiguous in the packed
 * buffer) for up to 16 indices of the other, from output channel o and input channel i on. */
struct block {
    size_t o, i, run, others;
};

/* The packed side, taps outermost: the order in which most layouts lie in memory, so that the lines
 * of a block are written as short streams instead of 16 scattered ones (2.5 times faster). */
static void packed_side(const struct px_blocked *b, enum move move, void *packed,
                        struct tile *tiles, const struct block *block, size_t tap)
{
    const size_t *other = b->along == 0 ? b->offset[1] + block->i : b->offset[0] + block->o;
    size_t base = b->along == 0 ? b->offset[0][block->o] : b->offset[1][block->i];
    size_t taps = b->dims[2] - tap < BLOCK ? b->dims[2] - tap : BLOCK;

    for (size_t t = 0; t < taps; t++)
        for (size_t k = 0; k < block->others; k++)
            packed_row(move, packed, base + other[k] + b->offset[2][tap + t], tiles[k].v[t],
                       block->run);
}

/* The plain side: `run` rows of taps for every other index. */
static void plain_side(const struct px_blocked *b, enum move move, float *plain, struct tile *tiles,
                       const struct block *block, size_t tap)
{
    size_t taps = b->dims[2] - tap < BLOCK ? b->dims[2] - tap : BLOCK;
    size_t o_stride = b->dims[1] * b->dims[2], i_stride = b->dims[2];
    size_t run_stride = b->along == 0 ? o_stride : i_stride;
    size_t other_stride = b->along == 0 ? i_stride : o_stride;
    float *p = plain + block->o * o_stride + block->i * i_stride + tap;

    for (size_t k = 0; k < block->others; k++, p += other_stride) {
        struct tile rows;
        if (move == UNPACK_F32)
            transpose(&tiles[k], &rows);
        for (size_t r = 0; r < block->run; r++) {
            if (move == UNPACK_F32)
                memcpy(p + r * run_stride, rows.v[r], taps * sizeof *p);
            else
                memcpy(rows.v[r], p + r * run_stride, taps * sizeof *p);
        }
        if (move != UNPACK_F32)
            transpose(&rows, &tiles[k]);
    }
}

static void move_block(const struct px_blocked *b, enum move move, float *plain, void *packed,
                       const struct block *block)
{
    struct tile tiles[BLOCK];

    memset(tiles, 0, sizeof tiles); /* short rows leave the rest unset */
    for (size_t tap = 0; tap < b->dims[2]; tap += BLOCK) {
        if (move == UNPACK_F32)
            packed_side(b, move, packed, tiles, block, tap);
        plain_side(b, move, plain, tiles, block, tap);
        if (move != UNPACK_F32)
            packed_side(b, move, packed, tiles, block, tap);
    }
}

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* Sixteen output channels, all input channels. */
static void move_rows(const struct px_blocked *b, enum move move, float *plain, void *packed,
                      size_t o)
{
    size_t rows = at_most(b->dims[0] - o, BLOCK), ic = b->dims[1];

    for (size_t i = 0; i < ic; i += b->along < 0 ? 1 : BLOCK) {
        size_t columns = at_most(ic - i, b->along < 0 ? 1 : BLOCK);
        const struct block block = {.o = o,
                                    .i = i,
                                    .run = b->along == 0 ? rows : columns,
                                    .others = b->along == 0 ? columns : rows};
        move_block(b, move, plain, packed, &block);
    }
}

static void move_all(const struct px_blocked *b, enum move move, float *plain, void *packed,
                     int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t o = 0; o < b->dims[0]; o += BLOCK)
        move_rows(b, move, plain, packed, o);
}

void px_blocked_pack_f32(const struct px_blocked *b, const float *plain, float *packed, int threads)
{
    if (b->padded)
        memset(packed, 0, b->size * sizeof *packed);
    move_all(b, PACK_F32, (float *)(uintptr_t)plain, packed, threads);
}

void px_blocked_pack_bf16(const struct px_blocked *b, const float *plain, uint16_t *packed,
                          int threads)
{
    if (b->padded)
        memset(packed, 0, b->size * sizeof *packed);
    move_all(b, PACK_BF16, (float *)(uintptr_t)plain, packed, threads);
}

void px_blocked_unpack_f32(const struct px_blocked *b, const float *packed, float *plain,
                           int threads)
{
    move_all(b, UNPACK_F32, plain, (void *)(uintptr_t)packed, threads);
}
