#include "model/dnn/packing.h"

#include <stdlib.h>
#include <string.h>

#include "model/dnn/parts/conv_parts.h"

struct px_packing {
    struct px_blocked *blocked; /* NULL: winograd */
    enum px_dtype dtype;
    size_t size;
    struct px_winograd_packing winograd;
};

_Static_assert(sizeof(struct px_winograd_packing) == 4 * sizeof(int) + 7 * sizeof(size_t),
               "padding would be compared, too");

struct px_packing *px_packing_create(const struct px_conv *conv)
{
    struct px_packing *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->dtype = px_conv_weights_dtype(conv);
    p->size = px_conv_weights_size(conv);
    if (conv->winograd)
        p->winograd = px_winograd_packing(conv->winograd);
    else
        p->blocked = px_conv_create_blocked(conv);
    if (!conv->winograd && !p->blocked) {
        free(p);
        return NULL;
    }
    return p;
}

void px_packing_destroy(struct px_packing *packing)
{
    if (packing)
        px_blocked_destroy(packing->blocked);
    free(packing);
}

bool px_packing_equal(const struct px_packing *a, const struct px_packing *b)
{
    if (a->dtype != b->dtype || !a->blocked != !b->blocked)
        return false;
    return a->blocked ? px_blocked_equal(a->blocked, b->blocked)
                      : memcmp(&a->winograd, &b->winograd, sizeof a->winograd) == 0;
}

size_t px_packing_size(const struct px_packing *packing)
{
    return packing->size;
}

void px_packing_pack(const struct px_packing *p, const float *plain, void *packed, int threads)
{
    if (!p->blocked)
        px_winograd_pack(&p->winograd, plain, packed, threads);
    else if (p->dtype == PX_BF16)
        px_blocked_pack_bf16(p->blocked, plain, packed, threads);
    else
        px_blocked_pack_f32(p->blocked, plain, packed, threads);
}

void px_packing_pack_cell(const struct px_packing *p, const struct px_cell *cell, void *packed)
{
    if (p->blocked)
        px_blocked_pack_cell(p->blocked, cell, p->dtype, packed);
    else
        px_winograd_pack_cell(&p->winograd, cell, packed);
}
