#include "tools/facade/parts/facade_hand.h"

#include "base/random.h"
#include "tools/facade/parts/facade_build.h"

/* Units: 8 to a pixel of a 256-pixel picture. */
enum { MIDDLE = PX_CANVAS_SIDE / 2 };

struct px_facade_hand px_facade_neat_hand(uint64_t seed)
{
    return (struct px_facade_hand){.width = 10 + (int)(px_hash(seed, 3, 0) % 5),
                                   .wobble = 3,
                                   .overshoot = 9,
                                   .gaps = 0,
                                   .marks = 100,
                                   .details = 100};
}

static int between(struct px_random *random, int low, int high)
{
    return low + (int)px_random_below(random, (uint32_t)(high - low + 1));
}

/* Dark enough to be seen on white: pens, not highlighters. */
static struct px_canvas_rgb draw_ink(struct px_random *random)
{
    int c[3];

    for (int i = 0; i < 3; i++)
        c[i] = between(random, 10, 120);
    c[between(random, 0, 2)] = between(random, 60, 190);
    return px_canvas_colour(c[0], c[1], c[2]);
}

static struct px_facade_hand draw_hand(const struct px_facade *facade, struct px_random *random)
{
    struct px_facade_hand hand = facade->hand;
    int kind = between(random, 0, 99);

    if (kind < 25) { /* neat, but for the marks */
        hand.marks = between(random, 0, 1) * between(random, 20, 100);
    } else if (kind < 60) { /* a pencil or a fine pen */
        hand.width = between(random, 8, 22);
        hand.wobble = between(random, 4, 14);
        hand.overshoot = between(random, 9, 40);
        hand.gaps = between(random, 0, 30);
        hand.marks = between(random, 0, 3) ? 0 : between(random, 10, 60);
        hand.details = between(random, 30, 100);
    } else if (kind < 85) { /* a felt pen, or a finger on a phone */
        hand.width = between(random, 20, 40);
        hand.wobble = between(random, 6, 24);
        hand.overshoot = between(random, 9, 60);
        hand.gaps = between(random, 0, 40);
        hand.marks = 0;
        hand.details = between(random, 10, 60);
    } else { /* a brush */
        hand.width = between(random, 36, 64);
        hand.wobble = between(random, 8, 24);
        hand.overshoot = between(random, 9, 40);
        hand.gaps = between(random, 0, 20);
        hand.marks = 0;
        hand.details = between(random, 0, 25);
    }
    hand.coloured = between(random, 0, 99) < 20;
    hand.ink = draw_ink(random);
    return hand;
}

static bool belongs_to_window(enum px_facade_part_kind kind)
{
    return kind == PX_PART_WINDOW || kind == PX_PART_HEAD || kind == PX_PART_SILL ||
           kind == PX_PART_SHUTTER || kind == PX_PART_BLIND || kind == PX_PART_BALCONY;
}

static int distance(const struct px_canvas_shape *a, const struct px_canvas_shape *b)
{
    int x = (a->bottom_left + a->bottom_right - b->bottom_left - b->bottom_right) / 2;
    int y = (a->top + a->bottom - b->top - b->bottom) / 2;

    return px_canvas_isqrt((int64_t)x * x + (int64_t)y * y);
}

/* The window that the part belongs to: the nearest one; -1 in a house without. */
static int window_of(const struct px_facade *facade, int part)
{
    int best = -1, least = 0;

    for (int i = 0; i < facade->count; i++) {
        int d = distance(&facade->parts[part].shape, &facade->parts[i].shape);

        if (facade->parts[i].kind == PX_PART_WINDOW && (best < 0 || d < least)) {
            best = i;
            least = d;
        }
    }
    return best;
}

/* Leaves out `percent` of the windows, each with what belongs to it. */
static void drop_windows(struct px_facade *facade, struct px_random *random, int percent)
{
    bool dropped[PX_FACADE_MAX_PARTS] = {false};
    int kept = 0;

    for (int i = 0; i < facade->count; i++)
        if (facade->parts[i].kind == PX_PART_WINDOW)
            dropped[i] = between(random, 0, 99) < percent;
    for (int i = 0; i < facade->count; i++) {
        int window = belongs_to_window(facade->parts[i].kind) ? window_of(facade, i) : -1;

        if (i != window && window >= 0)
            dropped[i] = dropped[window];
    }
    for (int i = 0; i < facade->count; i++)
        if (!dropped[i])
            facade->parts[kept++] = facade->parts[i];
    facade->count = kept;
}

static int scaled(int v, int around, int percent)
{
    return around + (v - around) * percent / 100;
}

/* The house stands smaller on its ground; sky and ground stay. */
static void shrink(struct px_facade *facade, int percent)
{
    int base = PX_CANVAS_SIDE;

    for (int i = 0; i < facade->count; i++)
        if (facade->parts[i].kind == PX_PART_GROUND)
            base = facade->parts[i].shape.top;
    for (int i = 0; i < facade->count; i++) {
        struct px_canvas_shape *s = &facade->parts[i].shape;

        if (facade->parts[i].kind == PX_PART_SKY || facade->parts[i].kind == PX_PART_GROUND)
            continue;
        s->top = scaled(s->top, base, percent);
        s->bottom = scaled(s->bottom, base, percent);
        s->top_left = scaled(s->top_left, MIDDLE, percent);
        s->top_right = scaled(s->top_right, MIDDLE, percent);
        s->bottom_left = scaled(s->bottom_left, MIDDLE, percent);
        s->bottom_right = scaled(s->bottom_right, MIDDLE, percent);
        s->rise = s->rise * percent / 100;
    }
}

static bool stands_alone(const struct px_facade *facade)
{
    for (int i = 0; i < facade->count; i++)
        if (facade->parts[i].kind == PX_PART_GROUND)
            return facade->parts[i].variant == PX_GROUND_LAWN;
    return false;
}

void px_facade_loosen(struct px_facade *facade)
{
    struct px_random random;

    px_random_seed(&random, px_hash(facade->seed, 11, 0));
    facade->hand = draw_hand(facade, &random);
    if (between(&random, 0, 99) < 40)
        drop_windows(facade, &random, between(&random, 20, 90));
    if (stands_alone(facade) && between(&random, 0, 99) < 40)
        shrink(facade, between(&random, 55, 90));
}
