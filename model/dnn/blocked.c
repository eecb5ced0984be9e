#include "model/dnn/blocked.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <emmintrin.h>

#include "base/simd.h"
#include "model/dnn/parts/tile.h"
#include "model/network/dtype.h"

enum { BLOCK = PX_TILE };

struct px_blocked {
    size_t dims[3];    /* oc, ic, taps */
    size_t *offset[3]; /* an element's offset is offset[0][o] + offset[1][i] + offset[2][t] */
    bool padded;       /* the buffer has elements that no weight maps to */
    size_t size;       /* elements of the buffer */
    int along;         /* 0 or 1: the dimension that goes in runs of BLOCK; -1: neither */
    bool paired;       /* between the elements of a run stand those of the other dimension's next */
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

/* Whether each element of a run of `length` stands `step` behind the one before. */
static bool has_runs(const size_t *offset, size_t n, size_t length, size_t step)
{
    for (size_t i = 0; i < n; i++)
        if (i % length && offset[i] != offset[i - 1] + step)
            return false;
    return true;
}

/* bf16 weights stand in pairs: 16 elements of one dimension with two each of the other. */
static void find_runs(struct px_blocked *b)
{
    size_t *const *at = b->offset, oc = b->dims[0], ic = b->dims[1];

    b->along = has_runs(at[0], oc, BLOCK, 1) ? 0 : has_runs(at[1], ic, BLOCK, 1) ? 1 : -1;
    if (b->along >= 0)
        return;
    b->along = has_runs(at[0], oc, BLOCK, 2) && has_runs(at[1], ic, 2, 1)   ? 0
               : has_runs(at[1], ic, BLOCK, 2) && has_runs(at[0], oc, 2, 1) ? 1
                                                                            : -1;
    b->paired = b->along >= 0;
}

struct px_blocked *px_blocked_create(const_dnnl_memory_desc_t desc)
{
    struct layout l = {0};

    if (!query(desc, &l))
        return NULL;
    size_t oc = (size_t)(*l.dims)[0], ic = (size_t)(*l.dims)[1];
    size_t kh = (size_t)(*l.dims)[2], kw = (size_t)(*l.dims)[3];
    struct px_blocked *b = calloc(1, sizeof *b + (oc + ic + kh * kw) * sizeof(size_t));
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
    find_runs(b);
    return b;
}

void px_blocked_destroy(struct px_blocked *blocked)
{
    free(blocked);
}

bool px_blocked_equal(const struct px_blocked *a, const struct px_blocked *b)
{
    size_t n = a->dims[0] + a->dims[1] + a->dims[2];

    return memcmp(a->dims, b->dims, sizeof a->dims) == 0 && a->size == b->size &&
           memcmp(a->memory, b->memory, n * sizeof *a->memory) == 0;
}

size_t px_blocked_size(const struct px_blocked *b)
{
    return b->size;
}

enum direction { PACK_F32, PACK_BF16, UNPACK_F32 };

struct move {
    const struct px_blocked *blocked;
    enum direction direction;
    void *packed;
    bool stream; /* past the caches */
    bool wide;   /* px_tile_transpose() */
};

/* A block of a move: a run of up to 16 elements along one dimension for up to 16 indices of the
 * other, from output channel o and input channel i on. Its plain weights begin at `plain`. */
struct block {
    size_t o, i, run, others;
    float *plain;
    size_t run_stride, other_stride; /* floats */
};

/* Writes a cache line of a packed buffer. What is far larger than the caches is not read from
 * memory first, and throws nothing out of them. */
PX_INLINE void write_line(const struct move *move, void *to, const void *line)
{
    if (!move->stream || (uintptr_t)to % sizeof(__m128i)) {
        memcpy(to, line, 64);
        return;
    }
    for (int k = 0; k < 4; k++)
        _mm_stream_si128((__m128i *)to + k, _mm_load_si128((const __m128i *)line + k));
}

/* Moves n elements between a row of a tile and the packed buffer. */
PX_INLINE void move_row(const struct move *move, size_t at, float *row, size_t n)
{
    float *packed = (float *)move->packed + at;

    if (move->direction == PACK_F32 && n == BLOCK)
        write_line(move, packed, row);
    else if (move->direction == PACK_F32)
        memcpy(packed, row, n * sizeof *row);
    else if (move->direction == UNPACK_F32 && n == BLOCK)
        memcpy(row, packed, BLOCK * sizeof *row);
    else if (move->direction == UNPACK_F32)
        memcpy(row, packed, n * sizeof *row);
    else
        for (size_t k = 0; k < n; k++)
            ((uint16_t *)move->packed)[at + k] = px_f32_to_bf16(row[k]);
}

/* Writes two rows as pairs. */
PX_INLINE void pack_pairs(const struct move *move, size_t at, const float *low, const float *high,
                          size_t n)
{
    _Alignas(32) uint32_t line[BLOCK];

    for (int k = 0; k < BLOCK; k++)
        line[k] = (uint32_t)px_f32_to_bf16(low[k]) | (uint32_t)px_f32_to_bf16(high[k]) << 16;
    if (n == BLOCK)
        write_line(move, (uint16_t *)move->packed + at, line);
    else
        memcpy((uint16_t *)move->packed + at, line, n * sizeof *line);
}

/* The packed side, taps outermost: the order in which most layouts lie in memory, so that the lines
 * of a block are written as short streams instead of 16 scattered ones (2.5 times faster). */
PX_INLINE void packed_side(const struct move *move, struct px_tile *tiles,
                           const struct block *block, size_t tap)
{
    const struct px_blocked *b = move->blocked;
    const size_t *other = b->along == 0 ? b->offset[1] + block->i : b->offset[0] + block->o;
    size_t base = b->along == 0 ? b->offset[0][block->o] : b->offset[1][block->i];
    size_t taps = b->dims[2] - tap < BLOCK ? b->dims[2] - tap : BLOCK;

    for (size_t t = 0; t < taps; t++) {
        size_t at = base + b->offset[2][tap + t];
        for (size_t k = 0; k < block->others && !b->paired; k++)
            move_row(move, at + other[k], tiles[k].v[t], block->run);
        for (size_t k = 0; k < block->others && b->paired; k += 2)
            pack_pairs(move, at + other[k], tiles[k].v[t], tiles[k + 1].v[t], block->run);
    }
}

/* The plain side of a tile that the block or the taps do not fill. */
PX_INLINE void plain_piece(const struct move *move, struct px_tile *tile, float *plain,
                           const struct block *block, size_t taps)
{
    struct px_tile rows = {{{0}}};

    if (move->direction == UNPACK_F32)
        px_tile_transpose(tile->v[0], BLOCK, rows.v[0], BLOCK, move->wide);
    for (size_t r = 0; r < block->run; r++)
        for (size_t t = 0; t < taps; t++)
            if (move->direction == UNPACK_F32)
                plain[r * block->run_stride + t] = rows.v[r][t];
            else
                rows.v[r][t] = plain[r * block->run_stride + t];
    if (move->direction != UNPACK_F32)
        px_tile_transpose(rows.v[0], BLOCK, tile->v[0], BLOCK, move->wide);
}

/* The plain side: `run` rows of taps for every other index. */
PX_INLINE void plain_side(const struct move *move, struct px_tile *tiles, const struct block *block,
                          size_t tap)
{
    size_t taps = move->blocked->dims[2] - tap, pitch = block->run_stride;
    float *p = block->plain + tap;

    for (size_t k = 0; k < block->others; k++, p += block->other_stride)
        if (taps < BLOCK || block->run < BLOCK)
            plain_piece(move, &tiles[k], p, block, taps < BLOCK ? taps : BLOCK);
        else if (move->direction == UNPACK_F32)
            px_tile_transpose(tiles[k].v[0], BLOCK, p, pitch, move->wide);
        else
            px_tile_transpose(p, pitch, tiles[k].v[0], BLOCK, move->wide);
}

PX_CLONES static void move_block(const struct move *move, const struct block *block)
{
    size_t taps = move->blocked->dims[2];
    struct px_tile tiles[BLOCK];

    if (block->run < BLOCK || block->others < BLOCK || taps < BLOCK)
        memset(tiles, 0, sizeof tiles); /* short rows leave the rest unset */
    for (size_t tap = 0; tap < taps; tap += BLOCK) {
        if (move->direction == UNPACK_F32)
            packed_side(move, tiles, block, tap);
        plain_side(move, tiles, block, tap);
        if (move->direction != UNPACK_F32)
            packed_side(move, tiles, block, tap);
    }
}

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

static void move_cell(const struct move *move, const struct px_cell *cell)
{
    const struct px_blocked *b = move->blocked;
    size_t taps = b->dims[2], step = b->along < 0 ? 1 : BLOCK;

    for (size_t o = 0; o < cell->rows; o += BLOCK)
        for (size_t i = 0; i < cell->columns; i += step) {
            size_t rows = at_most(cell->rows - o, BLOCK);
            size_t columns = at_most(cell->columns - i, step);
            const struct block block = {.o = cell->o + o,
                                        .i = cell->i + i,
                                        .run = b->along == 0 ? rows : columns,
                                        .others = b->along == 0 ? columns : rows,
                                        .plain = cell->plain + o * cell->pitch + i * taps,
                                        .run_stride = b->along == 0 ? cell->pitch : taps,
                                        .other_stride = b->along == 0 ? taps : cell->pitch};
            move_block(move, &block);
        }
    _mm_sfence();
}

static bool has_wide_registers(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512f") != 0;
#else
    return false;
#endif
}

/* From about the size of a core's cache on. */
static const size_t stream_from = (size_t)1 << 20;

static struct move packing(const struct px_blocked *b, enum px_dtype dtype, void *packed)
{
    return (struct move){b, dtype == PX_BF16 ? PACK_BF16 : PACK_F32, packed,
                         b->size * px_dtype_size(dtype) >= stream_from, has_wide_registers()};
}

static struct move unpacking(const struct px_blocked *b, const float *packed)
{
    return (struct move){b, UNPACK_F32, (void *)(uintptr_t)packed, false, has_wide_registers()};
}

static void move_all(const struct move *move, float *plain, int threads)
{
    const struct px_blocked *b = move->blocked;
    size_t pitch = b->dims[1] * b->dims[2];

#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t o = 0; o < b->dims[0]; o += BLOCK) {
        const struct px_cell cell = {
            o, 0, at_most(b->dims[0] - o, BLOCK), b->dims[1], plain + o * pitch, pitch};
        move_cell(move, &cell);
    }
}

static void pack_all(const struct px_blocked *b, enum px_dtype dtype, const float *plain,
                     void *packed, int threads)
{
    const struct move move = packing(b, dtype, packed);

    if (b->padded)
        memset(packed, 0, b->size * px_dtype_size(dtype));
    move_all(&move, (float *)(uintptr_t)plain, threads);
}

void px_blocked_pack_f32(const struct px_blocked *b, const float *plain, float *packed, int threads)
{
    pack_all(b, PX_F32, plain, packed, threads);
}

void px_blocked_pack_bf16(const struct px_blocked *b, const float *plain, uint16_t *packed,
                          int threads)
{
    pack_all(b, PX_BF16, plain, packed, threads);
}

void px_blocked_unpack_f32(const struct px_blocked *b, const float *packed, float *plain,
                           int threads)
{
    const struct move move = unpacking(b, packed);

    move_all(&move, plain, threads);
}

void px_blocked_pack_cell(const struct px_blocked *b, const struct px_cell *cell,
                          enum px_dtype dtype, void *packed)
{
    const struct move move = packing(b, dtype, packed);

    move_cell(&move, cell);
}

void px_blocked_unpack_cell(const struct px_blocked *b, const struct px_cell *cell,
                            const float *packed)
{
    const struct move move = unpacking(b, packed);

    move_cell(&move, cell);
}
