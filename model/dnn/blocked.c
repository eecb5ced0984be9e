#include "model/dnn/parts/blocked_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

struct layout { /* what oneDNN says about a blocked format */
    int ndims, inner_count;
    const dnnl_dims_t *dims, *padded, *strides, *blocks, *indices;
    dnnl_format_kind_t kind;
    dnnl_data_type_t type;
};

static bool query(const_dnnl_memory_desc_t d, struct layout *l)
{
    return dnnl_memory_desc_query(d, dnnl_query_format_kind, &l->kind) == dnnl_success &&
           l->kind == dnnl_blocked &&
           dnnl_memory_desc_query(d, dnnl_query_data_type, &l->type) == dnnl_success &&
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

/* Whether each element of a run of `length` is `step` behind the one before. */
static bool has_runs(const size_t *offset, size_t n, size_t length, size_t step)
{
    for (size_t i = 0; i < n; i++)
        if (i % length && offset[i] != offset[i - 1] + step)
            return false;
    return true;
}

/* bf16 weights come in pairs: 16 elements of one dimension with two each of the other. */
static void find_runs(struct px_blocked *b, bool bf16)
{
    size_t *const *at = b->offset, oc = b->dims[0], ic = b->dims[1];

    b->along = has_runs(at[0], oc, PX_RUN, 1) ? 0 : has_runs(at[1], ic, PX_RUN, 1) ? 1 : -1;
    if (b->along >= 0 || !bf16)
        return;
    b->along = has_runs(at[0], oc, PX_TILE, 2) && has_runs(at[1], ic, 2, 1)   ? 0
               : has_runs(at[1], ic, PX_TILE, 2) && has_runs(at[0], oc, 2, 1) ? 1
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
    assert(b->size >= oc * ic * kh * kw);
    b->padded = b->size != oc * ic * kh * kw;
    find_runs(b, l.type == dnnl_bf16);
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

uint64_t px_blocked_fingerprint(const struct px_blocked *b)
{
    size_t n = b->dims[0] + b->dims[1] + b->dims[2];
    uint64_t print = b->size;

    for (size_t i = 0; i < n; i++)
        print = px_mix64(print ^ b->memory[i]);
    return print;
}

size_t px_blocked_size(const struct px_blocked *b)
{
    return b->size;
}
