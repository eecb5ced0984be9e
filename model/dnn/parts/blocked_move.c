#include "model/dnn/parts/blocked_parts.h"

#include <assert.h>
#include <string.h>

#include <emmintrin.h>

#include "base/bounds.h"
#include "base/simd.h"
#include "model/dnn/cpu.h"

enum { BLOCK_ROWS = PX_TILE };

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
    size_t half; /* from an element of the packed buffer to the one 8 further along the run */
};

/* n is 16 or 8. Not memcpy(): its checks (_FORTIFY_SOURCE) cost more than the copy. */
PX_INLINE void copy_line(float *to, const float *from, size_t n)
{
    for (size_t k = 0; k < n; k += 4)
        _mm_storeu_ps(to + k, _mm_loadu_ps(from + k));
}

/* Writes a cache line of a packed buffer. What is far larger than the caches is not read from
 * memory first, and throws nothing out of them. */
PX_INLINE void write_line(const struct move *move, void *to, const void *line)
{
    if (!move->stream || (uintptr_t)to % sizeof(__m128i)) {
        copy_line(to, line, BLOCK_ROWS);
        return;
    }
    for (int k = 0; k < 4; k++)
        _mm_stream_si128((__m128i *)to + k, _mm_load_si128((const __m128i *)line + k));
}

/* Moves n elements that lie together in the packed buffer between it and a row of a tile. */
PX_INLINE void move_piece(const struct move *move, size_t at, float *row, size_t n)
{
    float *packed = (float *)move->packed + at;

    if (move->direction == PACK_F32 && n == BLOCK_ROWS)
        write_line(move, packed, row);
    else if (move->direction == PACK_F32 && n == PX_RUN)
        copy_line(packed, row, PX_RUN);
    else if (move->direction == PACK_F32)
        memcpy(packed, row, n * sizeof *row);
    else if (move->direction == UNPACK_F32 && n == BLOCK_ROWS)
        copy_line(row, packed, BLOCK_ROWS);
    else if (move->direction == UNPACK_F32 && n == PX_RUN)
        copy_line(row, packed, PX_RUN);
    else if (move->direction == UNPACK_F32)
        memcpy(row, packed, n * sizeof *row);
    else
        for (size_t k = 0; k < n; k++)
            ((uint16_t *)move->packed)[at + k] = px_f32_to_bf16(row[k]);
}

/* A whole row. */
PX_INLINE void move_row(const struct move *move, const struct block *block, size_t at, float *row)
{
    size_t n = block->run;

    if (block->half == PX_RUN || n <= PX_RUN) {
        move_piece(move, at, row, n);
        return;
    }
    move_piece(move, at, row, PX_RUN);
    move_piece(move, at + block->half, row + PX_RUN, n - PX_RUN);
}

/* Writes two rows as pairs. */
PX_INLINE void pack_pairs(const struct move *move, size_t at, const float *low, const float *high,
                          size_t n)
{
    _Alignas(32) uint32_t line[BLOCK_ROWS];

    for (int k = 0; k < BLOCK_ROWS; k++)
        line[k] = (uint32_t)px_f32_to_bf16(low[k]) | (uint32_t)px_f32_to_bf16(high[k]) << 16;
    if (n == BLOCK_ROWS)
        write_line(move, (uint16_t *)move->packed + at, line);
    else
        memcpy((uint16_t *)move->packed + at, line, n * sizeof *line);
}

/* Some taps of a block, as rows: tap + t of index k of the other dimension is row k * taps + t. */
struct rows {
    size_t tap, taps;
    struct px_tile *tiles; /* BLOCK_ROWS */
};

PX_INLINE float *row_of(const struct rows *rows, size_t k, size_t t)
{
    return rows->tiles->v[0] + (k * rows->taps + t) * BLOCK_ROWS;
}

/* The packed side, taps outermost: the order in which most layouts lie in memory, so that the lines
 * of a block are written as short streams instead of 16 scattered ones (2.5 times faster). */
PX_INLINE void packed_side(const struct move *move, const struct block *block,
                           const struct rows *rows)
{
    const struct px_blocked *b = move->blocked;
    const size_t *other = b->along == 0 ? b->offset[1] + block->i : b->offset[0] + block->o;
    size_t base = b->along == 0 ? b->offset[0][block->o] : b->offset[1][block->i];
    bool paired = move->direction == PACK_BF16 && b->paired;

    for (size_t t = 0; t < rows->taps; t++) {
        size_t at = base + b->offset[2][rows->tap + t];
        for (size_t k = 0; k < block->others && !paired; k++)
            move_row(move, block, at + other[k], row_of(rows, k, t));
        for (size_t k = 0; k < block->others && paired; k += 2)
            pack_pairs(move, at + other[k], row_of(rows, k, t), row_of(rows, k + 1, t), block->run);
    }
}

/* `columns` neighbours each of `run` plain lines <-> as many rows. */
PX_INLINE void plain_columns(const struct move *move, float *plain, const struct block *block,
                             float *rows, size_t columns)
{
    size_t pitch = block->run_stride;

    if (columns == BLOCK_ROWS && block->run == BLOCK_ROWS) {
        if (move->direction == UNPACK_F32)
            px_tile_transpose(rows, BLOCK_ROWS, plain, pitch, move->wide);
        else
            px_tile_transpose(plain, pitch, rows, BLOCK_ROWS, move->wide);
        return;
    }
    for (size_t r = 0; r < block->run; r++)
        for (size_t c = 0; c < columns; c++)
            if (move->direction == UNPACK_F32)
                plain[r * pitch + c] = rows[c * BLOCK_ROWS + r];
            else
                rows[c * BLOCK_ROWS + r] = plain[r * pitch + c];
}

/* The plain side. If the taps of all other indices lie behind each other, they are one row of
 * columns; else each index has its own. */
PX_INLINE void plain_side(const struct move *move, const struct block *block,
                          const struct rows *rows)
{
    size_t columns = rows->taps * block->others;
    float *plain = block->plain + rows->tap;

    if (block->other_stride != rows->taps) {
        for (size_t k = 0; k < block->others; k++, plain += block->other_stride)
            plain_columns(move, plain, block, row_of(rows, k, 0), rows->taps);
        return;
    }
    for (size_t c = 0; c < columns; c += BLOCK_ROWS)
        plain_columns(move, plain + c, block, rows->tiles->v[0] + c * BLOCK_ROWS,
                      columns - c < BLOCK_ROWS ? columns - c : BLOCK_ROWS);
}

PX_INLINE void move_tiles(const struct move *move, const struct block *block)
{
    size_t taps = move->blocked->dims[2];
    struct px_tile tiles[BLOCK_ROWS];

    if (move->blocked->paired && (block->run < BLOCK_ROWS || block->others < BLOCK_ROWS))
        memset(tiles, 0, sizeof tiles); /* whole pairs of whole rows are read */
    for (size_t tap = 0; tap < taps; tap += BLOCK_ROWS) {
        const struct rows rows = {tap, taps - tap < BLOCK_ROWS ? taps - tap : BLOCK_ROWS, tiles};
        if (move->direction == UNPACK_F32)
            packed_side(move, block, &rows);
        plain_side(move, block, &rows);
        if (move->direction != UNPACK_F32)
            packed_side(move, block, &rows);
    }
}

/* Each direction has loops of its own. */
PX_CLONES static void move_block(const struct move *move, const struct block *block)
{
    struct move known = *move;

    if (move->direction == UNPACK_F32) {
        known.direction = UNPACK_F32;
        move_tiles(&known, block);
    } else if (move->direction == PACK_F32) {
        known.direction = PACK_F32;
        move_tiles(&known, block);
    } else {
        known.direction = PACK_BF16;
        move_tiles(&known, block);
    }
}

static size_t half_of(const struct px_blocked *b, size_t o, size_t i)
{
    size_t first = b->along == 0 ? o : i, dim = b->along == 0 ? 0 : 1;

    if (b->along < 0 || b->paired || first + PX_RUN >= b->dims[dim])
        return PX_RUN;
    return b->offset[dim][first + PX_RUN] - b->offset[dim][first];
}

static void move_cell(const struct move *move, const struct px_cell *cell)
{
    const struct px_blocked *b = move->blocked;
    size_t taps = b->dims[2], step = b->along < 0 ? 1 : BLOCK_ROWS;

    assert(cell->o % BLOCK_ROWS == 0 && cell->o + cell->rows <= b->dims[0]);
    assert(cell->i % BLOCK_ROWS == 0 && cell->i + cell->columns <= b->dims[1]);
    for (size_t o = 0; o < cell->rows; o += BLOCK_ROWS)
        for (size_t i = 0; i < cell->columns; i += step) {
            size_t rows = px_at_most(cell->rows - o, BLOCK_ROWS);
            size_t columns = px_at_most(cell->columns - i, step);
            const struct block block = {.o = cell->o + o,
                                        .i = cell->i + i,
                                        .run = b->along == 0 ? rows : columns,
                                        .others = b->along == 0 ? columns : rows,
                                        .plain = cell->plain + o * cell->pitch + i * taps,
                                        .run_stride = b->along == 0 ? cell->pitch : taps,
                                        .other_stride = b->along == 0 ? taps : cell->pitch,
                                        .half = half_of(b, cell->o + o, cell->i + i)};
            move_block(move, &block);
        }
    _mm_sfence();
}

/* From about the size of a core's cache on. */
static const size_t stream_from = (size_t)1 << 20;

static struct move packing(const struct px_blocked *b, enum px_dtype dtype, void *packed)
{
    return (struct move){b, dtype == PX_BF16 ? PACK_BF16 : PACK_F32, packed,
                         b->size * px_dtype_size(dtype) >= stream_from,
                         px_cpu_has_wide_registers()};
}

static struct move unpacking(const struct px_blocked *b, const float *packed)
{
    return (struct move){b, UNPACK_F32, (void *)(uintptr_t)packed, false,
                         px_cpu_has_wide_registers()};
}

static void move_all(const struct move *move, float *plain, int threads)
{
    const struct px_blocked *b = move->blocked;
    size_t pitch = b->dims[1] * b->dims[2];

#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t o = 0; o < b->dims[0]; o += BLOCK_ROWS) {
        const struct px_cell cell = {
            o, 0, px_at_most(b->dims[0] - o, BLOCK_ROWS), b->dims[1], plain + o * pitch, pitch};
        move_cell(move, &cell);
    }
}

/* By all threads, because the pages are new, which costs most. */
static void fill_zero(char *to, size_t size, int threads)
{
    const size_t piece = (size_t)1 << 18;

#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t at = 0; at < size; at += piece)
        memset(to + at, 0, px_at_most(size - at, piece));
}

static void pack_all(const struct px_blocked *b, enum px_dtype dtype, const float *plain,
                     void *packed, int threads)
{
    const struct move move = packing(b, dtype, packed);

    if (b->padded)
        fill_zero(packed, b->size * px_dtype_size(dtype), threads);
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
