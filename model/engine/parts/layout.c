#include "model/engine/parts/layout.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>

#include "base/checked.h"
#include "model/engine/algorithm.h"

/* An input that is a later layer's skip, or that goes from group to group in a batch of several
 * groups, has a place of its own. All others share two slots in turn, the copies that are kept for
 * sums two more, and one place is for results that lie otherwise than the next input. A slot is
 * free when no layer to come reads it. */
enum { SLOTS = 2, OWN = -1 };

struct slots { /* of inputs, or of kept copies */
    int of[PX_MAX_LAYERS];
    size_t bytes[SLOTS];
};

struct sizes {
    struct slots in, kept;
    bool direct[PX_MAX_LAYERS]; /* the convolution writes the next layer's input itself */
    size_t raw, work;
};

bool px_layout_statistics(const struct px_plan_desc *d, int layer)
{
    return d->network->layers[layer].has_norm &&
           !px_pack_folds(d->network, layer, d->shape.running);
}

/* Whether every size that a grid leads to fits: elements of data and of statistics. */
static bool countable(const struct px_grid *g)
{
    size_t bytes = 4 * sizeof(float) * (size_t)g->channels;

    return g->height < INT_MAX / 4 && g->width < INT_MAX / 4 &&
           px_mul(bytes, (size_t)g->n, &bytes) && px_mul(bytes, (size_t)g->height + 8, &bytes) &&
           px_mul(bytes, (size_t)g->width + 8, &bytes);
}

/* Whether the input of layer k is read by some layer from `first` on that adds it to its result. */
static bool is_added(const struct px_network *network, int k, int first)
{
    for (int j = first; j < network->layer_count; j++)
        if (network->layers[j].residual == k)
            return true;
    return false;
}

/* The layer that joins the input of layer k as its skip, or -1. */
static int joined_by(const struct px_network *network, int k)
{
    for (int j = k + 1; j < network->layer_count; j++)
        if (network->layers[j].skip == k - 1)
            return j;
    return -1;
}

static enum px_dtype input_type(const struct px_plan_desc *d, int layer)
{
    if (!d->int8 || !d->int8[layer])
        return d->dtype;
    return d->network->layers[layer].slope == 0.0f ? PX_U8 : PX_S8;
}

/* What is kept of the input of layer i. */
static struct px_grid kept_of(const struct px_plan_desc *d, int i, const struct px_place *p)
{
    struct px_grid kept = p->in;

    kept.dtype = p->joined >= 0 ? input_type(d, p->joined) : d->dtype;
    kept.border = 0;
    if (p->in.dtype == d->dtype || (p->joined < 0 && !is_added(d->network, i, i)))
        kept.channels = 0;
    return kept;
}

/* Grids and order of every layer, for all pictures of the batch. */
static bool measure(struct px_layout *l, const struct px_plan_desc *d)
{
    const struct px_network *network = d->network;
    struct px_grid in = {.n = d->shape.n, .height = d->shape.height, .width = d->shape.width};

    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *layer = &network->layers[i];
        bool last = i == network->layer_count - 1; /* f32 until it is a picture */
        struct px_place *p = &l->places[i];

        in.dtype = input_type(d, i);
        in.channels = layer->in_channels;
        in.border = px_algorithm_border(layer);
        p->in = in;
        p->result = px_algorithm_result(layer, &in, last ? PX_F32 : d->dtype);
        if (!countable(&in) || !countable(&p->result))
            return false;
        p->joined = i > 0 ? joined_by(network, i) : -1;
        p->kept = kept_of(d, i, p);
        p->pictures = px_algorithm_pictures(layer, &p->result);
        if (i > 0)
            p->group = p[-1].group + (p->pictures == d->shape.n || p[-1].pictures == d->shape.n);
        in.height = p->result.height;
        in.width = p->result.width;
    }
    return true;
}

/* The last layer that reads the input of layer i or what is kept of it. */
static int last_reader(const struct px_layout *l, const struct px_plan_desc *d, int i)
{
    for (int j = d->network->layer_count - 1; j > i; j--)
        if (d->network->layers[j].residual == i || l->places[i].joined == j)
            return j;
    return i;
}

/* Leaves one picture of what no other group reads. */
static void shrink(struct px_layout *l, const struct px_plan_desc *d)
{
    for (int i = 0; i < d->network->layer_count; i++) {
        struct px_place *p = &l->places[i];

        p->result.n = p->pictures;
        if (i == 0 || p->group != p[-1].group)
            continue;
        if (p->kept.channels > 0 || p->group == l->places[last_reader(l, d, i)].group)
            p->in.n = p->pictures;
        if (p->group == l->places[last_reader(l, d, i)].group)
            p->kept.n = p->pictures;
    }
}

/* A slot for what layer i writes, that holds nothing layer i or a later one needs. */
static int free_slot(const struct slots *slots, const bool *needed, int i)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        bool taken = false;

        for (int k = 0; k <= i; k++)
            if (slots->of[k] == slot && needed[k])
                taken = true;
        if (!taken)
            return slot;
    }
    return OWN;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void take_slot(struct slots *slots, const bool *needed, int i, const struct px_grid *next)
{
    int slot = free_slot(slots, needed, i);

    slots->of[i + 1] = slot;
    if (slot != OWN)
        slots->bytes[slot] = larger(slots->bytes[slot], px_grid_bytes(next));
}

/* Slots for the input of layer i + 1 and what is kept of it. */
static void take_slots(struct sizes *s, const struct px_layout *l, const struct px_plan_desc *d,
                       int i)
{
    const struct px_place *p = &l->places[i], *next = &l->places[i + 1];
    bool in[PX_MAX_LAYERS], kept[PX_MAX_LAYERS];

    for (int k = 0; k <= i; k++) {
        bool added = is_added(d->network, k, i);

        kept[k] = l->places[k].kept.channels > 0 && added;
        in[k] = l->places[k].kept.channels == 0 && added;
    }
    in[i] = in[i] || s->direct[i]; /* the convolution still reads it */
    s->in.of[i + 1] = s->kept.of[i + 1] = OWN;
    if (next->joined < 0 && (next->in.n == next->pictures && p->pictures == next->pictures))
        take_slot(&s->in, in, i, &next->in);
    if (next->joined < 0 && next->kept.n == next->pictures && next->kept.channels > 0)
        take_slot(&s->kept, kept, i, &next->kept);
}

/* Which layers write directly, which slots inputs take, and how large all of those are. */
static void assign(struct sizes *s, struct px_layout *l, const struct px_plan_desc *d)
{
    *s = (struct sizes){.in.of[0] = OWN, .kept.of[0] = OWN};
    for (int i = 0; i < d->network->layer_count; i++) {
        struct px_grid *result = &l->places[i].result;
        const struct px_grid *next = &l->places[i + 1].in;
        bool last = i == d->network->layer_count - 1;

        if (px_layout_statistics(d, i))
            s->work = larger(s->work, px_pass_work(result));
        s->work = larger(s->work, px_algorithm_taps(&d->network->layers[i], result));
        s->direct[i] = !last && !result->depth_to_space && next->border == 0 &&
                       next->dtype == result->dtype && d->network->layers[i].residual < 0 &&
                       d->network->layers[i + 1].skip < 0;
        if (s->direct[i])
            result->n = next->n;
        else
            s->raw = larger(s->raw, px_grid_bytes(result));
        if (!last)
            take_slots(s, l, d, i);
    }
}

static bool place(struct px_layout *l, size_t bytes, size_t *at)
{
    size_t rounded;

    assert(l->size % 64 == 0);
    *at = l->size;
    return px_add(bytes, 63, &rounded) && px_add(*at, rounded & ~(size_t)63, &l->size);
}

static bool place_slots(struct px_layout *l, const struct slots *slots, size_t at[SLOTS])
{
    return place(l, slots->bytes[0], &at[0]) && place(l, slots->bytes[1], &at[1]);
}

/* In its slot, or in a place of its own. */
static bool place_one(struct px_layout *l, int slot, const size_t at[SLOTS],
                      const struct px_grid *grid, size_t *to)
{
    if (slot == OWN)
        return place(l, px_grid_bytes(grid), to);
    *to = at[slot];
    return true;
}

bool px_layout_make(struct px_layout *l, const struct px_plan_desc *d)
{
    struct sizes s;
    size_t in[SLOTS], kept[SLOTS], raw;

    assert(d->network->layer_count >= 1 && d->network->layer_count <= PX_MAX_LAYERS);
    assert(d->shape.n >= 1 && d->shape.height >= 1 && d->shape.width >= 1);
    *l = (struct px_layout){0};
    if (!measure(l, d))
        return false;
    shrink(l, d);
    assign(&s, l, d);
    if (!place_slots(l, &s.in, in) || !place_slots(l, &s.kept, kept) || !place(l, s.raw, &raw) ||
        !place(l, s.work * sizeof(float), &l->work_at))
        return false;
    for (int i = 0; i < d->network->layer_count; i++) {
        struct px_place *p = &l->places[i];

        if (!place_one(l, s.in.of[i], in, &p->in, &p->in_at) ||
            !place_one(l, s.kept.of[i], kept, &p->kept, &p->kept_at))
            return false;
        p->result_at = raw;
        if (i > 0 && s.direct[i - 1])
            p[-1].result_at = p->in_at;
    }
    return true;
}
