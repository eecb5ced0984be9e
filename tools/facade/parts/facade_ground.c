#include "tools/facade/parts/facade_build.h"

static void add_door(struct px_facade_builder *b, int bay)
{
    int storey = b->base - b->levels[1];
    int width = b->window_width + 2 < 18 ? 18 : b->window_width + 2;
    int height = storey * 78 / 100, steps = px_facade_draw(b, 0, 1) * 4 + 2;
    int middle = px_facade_bay_middle(b, bay), rise;
    struct px_facade_part *door;

    width = width > 26 ? 26 : width;
    height = height > 50 ? 50 : height;
    rise = b->arches || px_facade_chance(b, 30) ? width / 3 : 0;
    if (b->heads || rise > 0) {
        struct px_canvas_shape s =
            px_facade_box(middle - width / 2 - 4, b->base - height - 5, width + 8, rise + 5);

        s.rise = rise * PX_CANVAS_UNIT;
        px_facade_add(b, PX_PART_HEAD, rise > 0, s);
        if (rise == 0 && b->pediments && storey - height > 15)
            px_facade_taper(px_facade_add(b, PX_PART_HEAD, 2,
                                          px_facade_box(middle - width / 2 - 6,
                                                        b->base - height - 12, width + 12, 7)),
                            width / 2 + 6, width / 2 + 6);
    }
    if (b->heads && px_facade_chance(b, 60)) {
        int top = b->base - height + rise;

        px_facade_add(b, PX_PART_COLUMN, 0,
                      px_facade_box(middle - width / 2 - 4, top, 4, b->base - top));
        px_facade_add(b, PX_PART_COLUMN, 0,
                      px_facade_box(middle + width / 2, top, 4, b->base - top));
    }
    door =
        px_facade_add(b, PX_PART_DOOR, b->style->panes == PX_PANES_WIDE ? 2 : width >= 22,
                      px_facade_box(middle - width / 2, b->base - height, width, height - steps));
    door->shape.rise = rise * PX_CANVAS_UNIT;
    px_facade_add(b, PX_PART_STEP, 0,
                  px_facade_box(middle - width / 2 - 5, b->base - steps, width + 10, steps));
}

static void add_shop(struct px_facade_builder *b, int first, int bays)
{
    int x = px_facade_bay_middle(b, first) - b->pitch / 2 + 4, width = b->pitch * bays - 8;
    int top = b->levels[1] + 8, sign = 9;

    px_facade_add(b, PX_PART_SHOP, px_facade_draw(b, 0, bays > 1 ? 2 : 0),
                  px_facade_box(x, top + sign, width, b->base - top - sign));
    px_facade_add(b, PX_PART_SIGN, 0, px_facade_box(x - 2, top, width + 4, sign));
    if (px_facade_chance(b, 45))
        px_facade_taper(
            px_facade_add(b, PX_PART_AWNING, 0, px_facade_box(x - 2, top + sign, width + 4, 13)), 3,
            3);
}

/* Shops as wide as one or two bays, beside the door of the house. */
static void add_shops(struct px_facade_builder *b)
{
    int bay = 0;

    while (bay < b->bays) {
        int width = bay + 1 < b->bays && bay + 1 != b->door_bay && px_facade_chance(b, 60) ? 2 : 1;

        if (bay == b->door_bay) {
            add_door(b, bay++);
            continue;
        }
        add_shop(b, bay, width);
        bay += width;
    }
}

/* Pediments are for the door and the storeys above. */
static void add_ground_window(struct px_facade_builder *b, int bay, int percent)
{
    bool pediments = b->pediments;
    int storey = b->base - b->levels[1], width = b->window_width;
    int height = storey * percent / 100, y = b->levels[1] + (storey - height) / 2;
    struct px_canvas_shape box;

    if (b->storeys == 1 && y < b->levels[1] + 14)
        y = b->levels[1] + 14;
    if (y < b->levels[1] + 8)
        y = b->levels[1] + 8;
    if (y + height > b->base - 14)
        height = b->base - 14 - y;
    box = px_facade_box(px_facade_bay_middle(b, bay) - width / 2, y, width, height);
    if (b->arches)
        box.rise = (width >= 24 ? 7 : 5) * PX_CANVAS_UNIT;
    b->pediments = false;
    px_facade_add_window(b, box);
    b->pediments = pediments;
}

static void add_bushes(struct px_facade_builder *b)
{
    int n = px_facade_draw(b, 0, 4);

    for (int i = 0; i < n; i++) {
        int width = 2 * px_facade_draw(b, 9, 17), height = px_facade_draw(b, 10, 20);
        int x = px_facade_draw(b, 0, 1) ? b->left - 10 + px_facade_draw(b, 0, 30)
                                        : b->right - 40 + px_facade_draw(b, 0, 30);
        struct px_canvas_shape s = px_facade_box(x, b->base - height + 4, width, height);

        s.rise = (height < width / 2 ? height : width / 2) * PX_CANVAS_UNIT;
        px_facade_add(b, PX_PART_BUSH, 0, s);
    }
}

void px_facade_add_ground_floor(struct px_facade_builder *b)
{
    int percent = px_facade_draw(b, b->style->min_height, b->style->max_height) - 4;

    if (b->detached) {
        int middle = px_facade_bay_middle(b, b->door_bay);
        struct px_facade_part *path = px_facade_add(
            b, PX_PART_PATH, 0, px_facade_box(middle - 24, b->base, 48, 256 - b->base));

        px_facade_taper(path, 11, 11);
    }
    if (b->shop) {
        add_shops(b);
        return;
    }
    for (int bay = 0; bay < b->bays; bay++) {
        if (bay == b->door_bay)
            add_door(b, bay);
        else
            add_ground_window(b, bay, percent);
    }
    if (b->detached)
        add_bushes(b);
}
