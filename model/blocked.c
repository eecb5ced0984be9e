#include "model/blocked.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
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

/* A run of n elements: contiguous in the packed buffer, `stride` apart in the plain one. */
struct run {
    size_t n, stride;
};

PX_CLONES static void pack_f32(const float *plain, float *packed, const struct px_blocked *b,
                               struct run r)
{
    for (size_t t = 0; t < b->dims[2]; t++) {
        float *to = packed + b->offset[2][t];
        if (r.n == BLOCK)
            for (size_t k = 0; k < BLOCK; k++)
                to[k] = plain[t + k * r.stride];
        else
            for (size_t k = 0; k < r.n; k++)
                to[k] = plain[t + k * r.stride];
    }
}

PX_CLONES static void pack_bf16(const float *plain, uint16_t *packed, const struct px_blocked *b,
                                struct run r)
{
    for (size_t t = 0; t < b->dims[2]; t++)
        for (size_t k = 0; k < r.n; k++)
            packed[b->offset[2][t] + k] = px_f32_to_bf16(plain[t + k * r.stride]);
}

PX_CLONES static void unpack_f32(const float *packed, float *plain, const struct px_blocked *b,
                                 struct run r)
{
    for (size_t t = 0; t < b->dims[2]; t++) {
        const float *from = packed + b->offset[2][t];
        if (r.n == BLOCK)
            for (size_t k = 0; k < BLOCK; k++)
                plain[t + k * r.stride] = from[k];
        else
            for (size_t k = 0; k < r.n; k++)
                plain[t + k * r.stride] = from[k];
    }
}

enum move { PACK_F32, PACK_BF16, UNPACK_F32 };

/* Moves the taps of output channels o.. and input channels i.., one of which is a run. */
static void move_run(const struct px_blocked *b, enum move move, float *plain, void *packed,
                     size_t o, size_t i, struct run r)
{
    size_t at = b->offset[0][o] + b->offset[1][i];
    float *p = plain + (o * b->dims[1] + i) * b->dims[2];

    if (move == PACK_F32)
        pack_f32(p, (float *)packed + at, b, r);
    else if (move == PACK_BF16)
        pack_bf16(p, (uint16_t *)packed + at, b, r);
    else
        unpack_f32((const float *)packed + at, p, b, r);
}

static void move_all(const struct px_blocked *b, enum move move, float *plain, void *packed,
                     int threads)
{
    size_t oc = b->dims[0], ic = b->dims[1], taps = b->dims[2];
    size_t step_o = b->along == 0 ? BLOCK : 1, step_i = b->along == 1 ? BLOCK : 1;
    struct run whole = {.n = b->along < 0 ? 1 : BLOCK, .stride = b->along == 0 ? ic * taps : taps};
    size_t rows = (oc + step_o - 1) / step_o;

#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t row = 0; row < rows; row++) {
        size_t o = row * step_o;
        for (size_t i = 0; i < ic; i += step_i) {
            struct run r = whole;
            size_t left = b->along == 0 ? oc - o : ic - i;
            if (b->along >= 0 && left < r.n)
                r.n = left;
            move_run(b, move, plain, packed, o, i, r);
        }
    }
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
