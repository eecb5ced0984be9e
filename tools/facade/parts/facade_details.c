#include "tools/facade/facade.h"

struct list {
    struct px_canvas_shape *shapes;
    int count;
};

static void add(struct list *list, int x, int y, int width, int height)
{
    if (list->count < PX_FACADE_MAX_DETAILS && width > 0 && height > 0)
        list->shapes[list->count++] = px_canvas_rect(x, y, width, height);
}

/* The bounding box in units. */
struct box {
    int x, y, width, height;
};

static struct box box_of(const struct px_canvas_shape *s)
{
    return (struct box){s->bottom_left, s->top, s->bottom_right - s->bottom_left,
                        s->bottom - s->top};
}

static void columns(struct list *list, struct box b, int n, int thick)
{
    for (int i = 1; i < n; i++)
        add(list, b.x + b.width * i / n - thick / 2, b.y, thick, b.height);
}

static void rows(struct list *list, struct box b, int n, int thick)
{
    for (int i = 1; i < n; i++)
        add(list, b.x, b.y + b.height * i / n - thick / 2, b.width, thick);
}

static void window_bars(struct list *list, enum px_facade_panes panes, struct box b)
{
    int bar = 8, rail = 12;

    switch (panes) {
    case PX_PANES_SASH:
        add(list, b.x, b.y + b.height / 2 - rail / 2, b.width, rail);
        columns(list, b, 2, bar);
        break;
    case PX_PANES_CROSS:
        add(list, b.x, b.y + b.height * 3 / 10, b.width, rail);
        columns(list, b, 2, rail);
        break;
    case PX_PANES_GRID:
        columns(list, b, b.width >= 160 ? 4 : b.width > 100 ? 3 : 2, bar);
        rows(list, b, b.height / 80 < 2 ? 2 : b.height / 80, bar);
        break;
    case PX_PANES_WIDE:
        add(list, b.x + b.width / 3 - 5, b.y, 10, b.height);
        break;
    case PX_PANES_SINGLE:
        break;
    }
}

static void shutter_slats(struct list *list, int variant, struct box b)
{
    if (variant == 1) {
        add(list, b.x + 12, b.y + 16, b.width - 24, b.height / 2 - 24);
        add(list, b.x + 12, b.y + b.height / 2 + 8, b.width - 24, b.height / 2 - 24);
        return;
    }
    for (int v = b.y + 20; v + 24 <= b.y + b.height; v += 24)
        add(list, b.x + 8, v, b.width - 16, 10);
}

/* First the hand rail and the slab, then what stands between them. */
static void balcony_bars(struct list *list, int variant, struct box b)
{
    int step = variant == 1 ? 48 : 32, thick = variant == 1 ? 28 : 9;
    int slab = 24, n = (b.width - 16) / step;

    add(list, b.x, b.y, b.width, variant == 1 ? 20 : 12);
    add(list, b.x - 8, b.y + b.height - slab, b.width + 16, slab);
    if (variant == 2) {
        columns(list, b, b.width / 160 + 1, 10);
        return;
    }
    for (int i = 0; i <= n; i++)
        add(list, b.x + (b.width - thick) * i / n, b.y + 8, thick, b.height - slab - 8);
}

static void door_panels(struct list *list, const struct px_facade_part *part, struct box b)
{
    int leaves = part->variant == 1 ? 2 : 1, top = b.y + part->shape.rise + 24;
    int leaf = b.width / leaves, height = b.y + b.height - top;

    add(list, b.x + 12, b.y + 8, b.width - 24, top - b.y - 20); /* the light above */
    for (int i = 0; i < leaves; i++) {
        int x = b.x + leaf * i + 16, width = leaf - 28;

        if (part->variant == 2) {
            add(list, x + 8, top + 16, width * 3 / 5, height - 56);
            continue;
        }
        add(list, x, top + 12, width, height * 55 / 100 - 12);
        add(list, x, top + height * 62 / 100, width, height * 30 / 100);
    }
}

/* A shop: a base, panes, and (variant > 0) a door between them, which is the second detail. */
static void shop_panes(struct list *list, int variant, struct box b)
{
    int base = 9 * PX_CANVAS_UNIT, door = variant > 0 ? 20 * PX_CANVAS_UNIT : 0, frame = 14;
    int door_x = b.x + (b.width - door) / 2, panes = b.width > 400 ? 2 : 1;

    add(list, b.x, b.y + b.height - base, b.width, base);
    if (door == 0) {
        panes++;
        for (int i = 0; i < panes; i++)
            add(list, b.x + b.width * i / panes + frame, b.y + frame, b.width / panes - 2 * frame,
                b.height - base - 2 * frame);
        return;
    }
    add(list, door_x, b.y + frame, door, b.height - frame);
    add(list, b.x + frame, b.y + frame, door_x - b.x - 2 * frame, b.height - base - 2 * frame);
    add(list, door_x + door + frame, b.y + frame, b.x + b.width - door_x - door - 2 * frame,
        b.height - base - 2 * frame);
}

int px_facade_part_details(const struct px_facade_part *part,
                           struct px_canvas_shape details[PX_FACADE_MAX_DETAILS])
{
    struct list list = {.shapes = details};
    struct box b = box_of(&part->shape);

    switch (part->kind) {
    case PX_PART_WINDOW:
        window_bars(&list, (enum px_facade_panes)part->variant, b);
        break;
    case PX_PART_SHUTTER:
        shutter_slats(&list, part->variant, b);
        break;
    case PX_PART_BLIND:
        for (int v = b.y + 32; v < b.y + b.height - 8; v += 32)
            add(&list, b.x, v - 8, b.width, 8);
        break;
    case PX_PART_BALCONY:
        balcony_bars(&list, part->variant, b);
        break;
    case PX_PART_DOOR:
        door_panels(&list, part, b);
        break;
    case PX_PART_SHOP:
        shop_panes(&list, part->variant, b);
        break;
    case PX_PART_AWNING:
        for (int u = b.x + 64; u + 32 < b.x + b.width; u += 128)
            add(&list, u, b.y, 64, b.height);
        break;
    default:
        break;
    }
    return list.count;
}
