#include "model/layout.h"

#include <limits.h>
#include <stdint.h>

#include "base/checked.h"
#include "model/form.h"

/* Three kinds of places: inputs that a later layer joins as its skip have one of their own, all
 * others share two slots in turn, and one is for results that lie otherwise than the next input. A
 * slot is free when no layer to come reads it. */
enum { SLOTS = 2, OWN = -1 };

struct sizes {
    int slot[PX_MAX_LAYERS];    /* of the layer's input */
    bool direct[PX_MAX_LAYERS]; /* the convolution writes the next layer's input itself */
    size_t slots[SLOTS], raw, work;
};

bool px_layout_statistics(const struct px_plan_desc *d, int layer)
{
    return d->network->layers[layer].has_norm && !px_pack_folds(d->network, layer, d->running);
}

/* Whether every size that a grid leads to fits: elements of data and of statistics. */
static bool countable(const struct px_grid *g)
{
    size_t bytes = 4 * sizeof(float) * (size_t)g->channels;

    return g->height < INT_MAX / 4 && g->width < INT_MAX / 4 &&
           px_mul(bytes, (size_t)g->n, &bytes) && px_mul(bytes, (size_t)g->height + 8, &bytes) &&
           px_mul(bytes, (size_t)g->width + 8, &bytes);
}

/* Input and result of every layer. */
static bool measure(struct px_layout *l, const struct px_plan_desc *d)
{
    const struct px_network *network = d->network;
    struct px_grid in = {.dtype = d->dtype, .n = d->n, .height = d->height, .width = d->width};

    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *layer = &network->layers[i];

        in.channels = layer->in_channels;
        in.border = px_form_border(layer);
        if (!countable(&in))
            return false;
        l->places[i].in = in;
        l->places[i].result = px_form_result(layer, &in);
        if (i == network->layer_count - 1)
            l->places[i].result.dtype = PX_F32; /* until it is a picture */
        if (!countable(&l->places[i].result))
            return false;
        in.height = l->places[i].result.height;
        in.width = l->places[i].result.width;
    }
    return true;
}

/* Whether the input of layer k is read by some layer from `first` on that adds it to its result. */
static bool is_added(const struct px_network *network, int k, int first)
{
    for (int j = first; j < network->layer_count; j++)
        if (network->layers[j].residual == k)
            return true;
    return false;
}

/* Whether the input of layer k is what a later layer joins as its skip. */
static bool is_joined(const struct px_network *network, int k)
{
    for (int j = k + 1; j < network->layer_count; j++)
        if (network->layers[j].skip == k - 1)
            return true;
    return false;
}

/* A slot for the input of layer i + 1 that holds nothing layer i or a later one needs. */
static int free_slot(const struct px_network *network, const struct sizes *s, int i)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        bool taken = false;

        for (int k = 0; k <= i; k++)
            if (s->slot[k] == slot && ((k == i && s->direct[i]) || is_added(network, k, i)))
                taken = true;
        if (!taken)
            return slot;
    }
    return OWN;
}

static size_t bytes_of(const struct px_grid *g)
{
    return px_grid_elements(g) * px_dtype_size(g->dtype);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Which layers write directly, which slots inputs take, and how large all of those are. */
static void assign(struct sizes *s, const struct px_layout *l, const struct px_plan_desc *d)
{
    const struct px_network *network = d->network;

    *s = (struct sizes){.slot[0] = OWN};
    for (int i = 0; i < network->layer_count; i++) {
        const struct px_grid *result = &l->places[i].result, *next = &l->places[i + 1].in;

        if (px_layout_statistics(d, i))
            s->work = larger(s->work, px_pass_work(result));
        if (i == network->layer_count - 1) {
            s->raw = larger(s->raw, bytes_of(result));
            break;
        }
        s->direct[i] = !result->depth_to_space && next->border == 0 &&
                       network->layers[i].residual < 0 && network->layers[i + 1].skip < 0;
        if (!s->direct[i])
            s->raw = larger(s->raw, bytes_of(result));
        s->slot[i + 1] = is_joined(network, i + 1) ? OWN : free_slot(network, s, i);
        if (s->slot[i + 1] != OWN)
            s->slots[s->slot[i + 1]] = larger(s->slots[s->slot[i + 1]], bytes_of(next));
    }
}

static bool place(struct px_layout *l, size_t bytes, size_t *at)
{
    size_t rounded;

    *at = l->size;
    return px_add(bytes, 63, &rounded) && px_add(*at, rounded & ~(size_t)63, &l->size);
}

bool px_layout_make(struct px_layout *l, const struct px_plan_desc *d)
{
    struct sizes s;
    size_t slots[SLOTS], raw;

    *l = (struct px_layout){0};
    if (!measure(l, d))
        return false;
    assign(&s, l, d);
    if (!place(l, s.slots[0], &slots[0]) || !place(l, s.slots[1], &slots[1]) ||
        !place(l, s.raw, &raw) || !place(l, s.work * sizeof(float), &l->work_at))
        return false;
    for (int i = 0; i < d->network->layer_count; i++) {
        struct px_place *p = &l->places[i];

        if (s.slot[i] != OWN)
            p->in_at = slots[s.slot[i]];
        else if (!place(l, bytes_of(&p->in), &p->in_at))
            return false;
        p->result_at = raw;
        if (i > 0 && s.direct[i - 1])
            p[-1].result_at = p->in_at;
    }
    return true;
}
