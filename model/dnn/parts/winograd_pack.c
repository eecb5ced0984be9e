#include "model/dnn/parts/winograd_parts.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/bounds.h"
#include "base/simd.h"

enum { WIDEST = 32, MOST_TAPS = PX_MINIMAL_KERNEL_MAX * PX_MINIMAL_KERNEL_MAX };

/* Channels in that are transformed before they are written: in the packed weights the elements lie
 * a power of two apart and would evict each other. */
enum { AHEAD = 8, STEP = AHEAD * WIDEST };

/* All taps of the weights from one channel in to the columns of a panel, in the order of the
 * convolution with stride 1. */
struct panel_taps {
    float tap[MOST_TAPS][WIDEST];
};

/* Neighbouring columns of one panel, from a cell of the weights. */
struct piece {
    const struct px_winograd_packing *p;
    const struct px_cell *cell;
    int tap[MOST_TAPS];         /* the places in a kernel of those taps */
    size_t column, lanes, used; /* the lanes from `used` on are padding */
    size_t first;               /* channel of the cell that is the first column */
    size_t depth;               /* of its first channel in, in the packed weights */
};

static void gather(const struct piece *s, size_t k, struct panel_taps *to)
{
    const struct px_cell *cell = s->cell;
    size_t taps = (size_t)(s->p->taps * s->p->taps), kernel = (size_t)(s->p->kernel * s->p->kernel);
    size_t lane = s->p->back ? kernel : cell->pitch, depth = s->p->back ? cell->pitch : kernel;
    const float *from = cell->plain + s->first * lane + k * depth;

    for (size_t c = 0; c < s->used; c++, from += lane)
        for (size_t t = 0; t < taps; t++)
            to->tap[t][c] = from[s->tap[t]];
    for (size_t t = 0; t < taps; t++)
        for (size_t c = s->used; c < WIDEST; c++)
            to->tap[t][c] = 0;
}

typedef double four __attribute__((vector_size(32)));
typedef float four_floats __attribute__((vector_size(16), aligned(4), may_alias));

struct transform_sizes {
    int points, taps;
    size_t lanes;
};

/* Element (i, j) of the transformed weights of each lane is at to + (i * points + j) * STEP. */
PX_INLINE void transform(const struct panel_taps *from, const struct px_minimal_weights *rows,
                         const struct transform_sizes *n, float *to)
{
    int points = n->points, taps = n->taps;

    for (size_t c = 0; c < n->lanes; c += 4) {
        four in[PX_MINIMAL_KERNEL_MAX], lines[PX_PATCH_MAX][PX_MINIMAL_KERNEL_MAX];

        for (int x = 0; x < taps; x++) {
            for (int y = 0; y < taps; y++)
                in[y] = __builtin_convertvector(
                    *(const four_floats *)(const void *)(from->tap[y * taps + x] + c), four);
            for (int i = 0; i < points; i++) {
                four sum = rows->row[i][0] * in[0];
                for (int y = 1; y < taps; y++)
                    sum += rows->row[i][y] * in[y];
                lines[i][x] = sum;
            }
        }
        for (int e = 0; e < points * points; e++) {
            const four *line = lines[e / points];
            four sum = rows->row[e % points][0] * line[0];
            for (int x = 1; x < taps; x++)
                sum += rows->row[e % points][x] * line[x];
            *(four_floats *)(void *)(to + (size_t)e * STEP + c) =
                __builtin_convertvector(sum, four_floats);
        }
    }
}

PX_CLONES static void transform_taps(const struct panel_taps *from,
                                     const struct px_minimal_weights *rows,
                                     const struct transform_sizes *n, float *to)
{
    if (n->points == 3)
        transform(from, rows, &(struct transform_sizes){3, 2, n->lanes}, to);
    else if (n->points == 4)
        transform(from, rows, &(struct transform_sizes){4, 2, n->lanes}, to);
    else if (n->taps == 3)
        transform(from, rows, &(struct transform_sizes){6, 3, n->lanes}, to);
    else
        transform(from, rows, &(struct transform_sizes){6, 4, n->lanes}, to);
}

/* Writes `count` transformed channels from channel k of the cell on. */
static void put(const struct piece *s, size_t k, size_t count, const float *from, float *packed)
{
    const struct px_winograd_packing *p = s->p;
    size_t panel = s->column / p->panel * p->panel, width = px_at_most(p->width - panel, p->panel);
    size_t elements = (size_t)(p->points * p->points);

    for (size_t e = 0; e < elements; e++, from += STEP) {
        float *to = packed + (e * p->width + panel) * p->depth + (s->depth + k) * width;

        if (s->lanes == width)
            memcpy(to, from, count * width * sizeof *to);
        else
            for (size_t i = 0; i < count; i++)
                memcpy(to + i * width + (s->column - panel), from + i * s->lanes,
                       s->lanes * sizeof *to);
    }
}

static void pack_piece(const struct piece *s, const struct px_minimal_weights *rows, float *packed)
{
    const struct transform_sizes n = {s->p->points, s->p->taps, s->lanes};
    size_t depth = s->p->back ? s->cell->rows : s->cell->columns;
    float out[PX_PATCH_MAX * PX_PATCH_MAX * STEP];
    struct panel_taps taps;

    for (size_t k = 0; k < depth; k += AHEAD) {
        size_t count = px_at_most(depth - k, AHEAD);

        for (size_t i = 0; i < count; i++) {
            gather(s, k + i, &taps);
            transform_taps(&taps, rows, &n, out + i * s->lanes);
        }
        put(s, k, count, out, packed);
    }
}

/* The part-th of the convolutions with stride 1 that a stride makes. */
static void pack_part(const struct px_winograd_packing *p, const struct px_cell *cell, int part,
                      float *packed)
{
    size_t other = (size_t)part * p->ic + cell->i, all = p->back ? p->parts * p->ic : p->oc;
    size_t begin = p->back ? other : cell->o, end = begin + (p->back ? cell->columns : cell->rows);
    struct piece s = {.p = p, .cell = cell, .depth = p->back ? cell->o : other};
    int stride = p->stride;
    struct px_minimal_weights rows;

    px_minimal_weights_make(&rows, p->points + 1 - p->taps, p->taps);
    for (int t = 0; t < p->taps * p->taps; t++) {
        int at = p->back ? p->taps * p->taps - 1 - t : t;
        int y = stride * (at / p->taps) + part / stride;
        int x = stride * (at % p->taps) + part % stride;
        s.tap[t] = y * p->kernel + x;
    }
    for (s.column = begin; s.column < end; s.column += s.used) {
        size_t border = px_at_most((s.column / p->panel + 1) * p->panel, p->width);

        s.first = s.column - begin;
        s.used = px_at_most(end, border) - s.column;
        s.lanes = end == all && end < border ? border - s.column : s.used;
        assert(s.lanes % 4 == 0 && s.lanes <= WIDEST);
        pack_piece(&s, &rows, packed);
    }
}

void px_winograd_pack_cell(const struct px_winograd_packing *p, const struct px_cell *cell,
                           float *packed)
{
    for (int part = 0; part < (int)p->parts; part++)
        pack_part(p, cell, part, packed);
}

void px_winograd_pack(const struct px_winograd_packing *p, const float *plain, float *packed,
                      int threads)
{
    const size_t side = PX_WINOGRAD_CELL, taps = (size_t)(p->kernel * p->kernel);
    size_t across = (p->ic + side - 1) / side, cells = (p->oc + side - 1) / side * across;

#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t n = 0; n < cells; n++) {
        size_t o = n / across * side, i = n % across * side;
        const struct px_cell cell = {.o = o,
                                     .i = i,
                                     .rows = px_at_most(p->oc - o, side),
                                     .columns = px_at_most(p->ic - i, side),
                                     .plain = (float *)(uintptr_t)plain + (o * p->ic + i) * taps,
                                     .pitch = p->ic * taps};

        px_winograd_pack_cell(p, &cell, packed);
    }
}
