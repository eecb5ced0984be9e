#include "tools/facade/parts/facade_build.h"

enum balconies { BALCONY_NONE, BALCONY_MIDDLE, BALCONY_EACH, BALCONY_LONG };

static void add_head(struct px_facade_builder *b, int x, int y, int width, int rise)
{
    if (rise > 0) {
        px_facade_add(b, PX_PART_HEAD, 1, px_facade_box(x - 3, y - 4, width + 6, rise + 6))
            ->shape.rise = (rise + 2) * PX_CANVAS_UNIT;
        return;
    }
    px_facade_add(b, PX_PART_HEAD, 0, px_facade_box(x - 3, y - 4, width + 6, 4));
    if (b->pediments)
        px_facade_taper(
            px_facade_add(b, PX_PART_HEAD, 2, px_facade_box(x - 5, y - 10, width + 10, 6)),
            width / 2 + 5, width / 2 + 5);
}

static void add_shutters(struct px_facade_builder *b, int x, int y, int width, int height)
{
    int leaf = b->shutter_width;

    px_facade_add(b, PX_PART_SHUTTER, b->palette, px_facade_box(x - leaf - 1, y, leaf, height));
    px_facade_add(b, PX_PART_SHUTTER, b->palette, px_facade_box(x + width + 1, y, leaf, height));
}

void px_facade_add_window(struct px_facade_builder *b, struct px_canvas_shape box)
{
    int x = box.top_left / PX_CANVAS_UNIT, y = box.top / PX_CANVAS_UNIT,
        rise = box.rise / PX_CANVAS_UNIT;
    int width = (box.top_right - box.top_left) / PX_CANVAS_UNIT,
        height = (box.bottom - box.top) / PX_CANVAS_UNIT;
    struct px_facade_part *window;

    if (b->heads)
        add_head(b, x, y, width, rise);
    window = px_facade_add(b, PX_PART_WINDOW, (int)b->style->panes, box);
    window->detail = px_facade_chance(b, 40)  ? PX_INSIDE_CURTAINS
                     : px_facade_chance(b, 9) ? PX_INSIDE_LIT
                                              : PX_INSIDE_DARK;
    if (rise == 0 && px_facade_chance(b, b->style->blinds))
        px_facade_add(
            b, PX_PART_BLIND, 0,
            px_facade_box(x + 1, y + 1, width - 2, height * px_facade_draw(b, 3, 7) / 10));
    if (b->shutters)
        add_shutters(b, x, y, width, height);
    if (b->sills)
        px_facade_add(b, PX_PART_SILL, 0, px_facade_box(x - 3, y + height, width + 6, 3));
}

static void add_balcony(struct px_facade_builder *b, int x, int floor, int width)
{
    int variant = b->style->panes == PX_PANES_WIDE                          ? 2
                  : b->style->wall == PX_MATERIAL_ASHLAR && b->palette == 1 ? 1
                                                                            : 0;

    px_facade_add(b, PX_PART_BALCONY, variant, px_facade_box(x, floor - 14, width, 17));
}

/* One bay of an upper storey between y (top) and floor. */
static void add_bay(struct px_facade_builder *b, int bay, int level, int percent, bool door)
{
    int top = b->levels[level + 1], floor = b->levels[level], storey = floor - top;
    int width = b->window_width, height = storey * percent / 100;
    int x = px_facade_bay_middle(b, bay) - width / 2, y = top + (storey - height) * 6 / 10;
    bool sills = b->sills;
    struct px_canvas_shape box;

    if (level == b->storeys - 1 && y < top + (b->pediments ? 19 : 14))
        y = top + (b->pediments ? 19 : 14); /* clear of the cornice */
    if (door)
        height = floor - y;
    if (y + height > floor - 5 && !door)
        height = floor - 5 - y;
    box = px_facade_box(x, y, width, height);
    if (b->arches)
        box.rise = (width >= 24 ? 7 : 5) * PX_CANVAS_UNIT;
    b->sills = sills && !door;
    px_facade_add_window(b, box);
    b->sills = sills;
}

static enum balconies draw_balconies(struct px_facade_builder *b, int level)
{
    if (level == 0 || !px_facade_chance(b, b->style->balconies))
        return BALCONY_NONE;
    if (b->style->panes == PX_PANES_WIDE)
        return px_facade_chance(b, 60) ? BALCONY_EACH : BALCONY_MIDDLE;
    if (px_facade_chance(b, 35))
        return BALCONY_MIDDLE;
    return b->style->panes == PX_PANES_CROSS && !b->shutters && px_facade_chance(b, 50)
               ? BALCONY_LONG
               : BALCONY_EACH;
}

/* Which bays get the balcony: all, or the middle one (or, if there is none, the outer ones). */
static bool has_balcony(const struct px_facade_builder *b, enum balconies plan, int bay)
{
    if (plan == BALCONY_MIDDLE)
        return b->bays % 2 ? bay == b->bays / 2 : bay == 0 || bay == b->bays - 1;
    return plan != BALCONY_NONE;
}

static void add_storey(struct px_facade_builder *b, int level, int percent)
{
    enum balconies plan = draw_balconies(b, level);
    int width = b->style->panes == PX_PANES_WIDE ? b->pitch - 4 : b->window_width + 10;

    for (int bay = 0; bay < b->bays; bay++)
        add_bay(b, bay, level, percent, has_balcony(b, plan, bay));
    if (plan == BALCONY_LONG) {
        add_balcony(b, b->left + 4, b->levels[level], b->right - b->left - 8);
        return;
    }
    for (int bay = 0; bay < b->bays; bay++)
        if (has_balcony(b, plan, bay))
            add_balcony(b, px_facade_bay_middle(b, bay) - width / 2, b->levels[level], width);
}

static void add_columns(struct px_facade_builder *b)
{
    int top = b->eaves, bottom = b->storeys > 1 ? b->levels[1] : b->base, width = 8;
    bool corners = b->style->wall == PX_MATERIAL_BOARDS;

    if (!px_facade_chance(b, b->style->columns))
        return;
    if (corners || px_facade_chance(b, b->style->panes == PX_PANES_GRID ? 0 : 50)) {
        bottom = corners ? b->base : bottom;
        width = corners ? 6 : 10;
        px_facade_add(b, PX_PART_COLUMN, !corners,
                      px_facade_box(b->left, top, width, bottom - top));
        px_facade_add(b, PX_PART_COLUMN, !corners,
                      px_facade_box(b->right - width, top, width, bottom - top));
        return;
    }
    if (b->pitch - b->window_width < 18)
        width = 5;
    for (int i = 0; i <= b->bays; i++) {
        int x = px_facade_bay_middle(b, i) - b->pitch / 2 - width / 2;

        if (x < b->left)
            x = b->left;
        if (x + width > b->right)
            x = b->right - width;
        px_facade_add(b, PX_PART_COLUMN, 0, px_facade_box(x, top, width, bottom - top));
    }
}

static void add_bands(struct px_facade_builder *b)
{
    for (int i = 1; i < b->storeys; i++)
        if (px_facade_chance(b, b->style->bands))
            px_facade_add(b, PX_PART_BAND, 0,
                          px_facade_box(b->left, b->levels[i] - 3, b->right - b->left,
                                        px_facade_draw(b, 4, 5)));
}

static void add_brace(struct px_facade_builder *b, int x, int y, int width, int height, bool rising)
{
    struct px_canvas_shape s = px_facade_box(x, y, width, height);
    int beam = 5 * PX_CANVAS_UNIT;

    if (rising) {
        s.top_left = s.top_right - beam;
        s.bottom_right = s.bottom_left + beam;
    } else {
        s.top_right = s.top_left + beam;
        s.bottom_left = s.bottom_right - beam;
    }
    px_facade_add(b, PX_PART_BEAM, 0, s);
}

/* Posts beside every window, rails at the floors, braces in the outer bays (palette 0) or crosses
 * under the windows (palette 1). */
static void add_timber(struct px_facade_builder *b, int level)
{
    int top = b->levels[level + 1], floor = b->levels[level], beam = 4;

    for (int bay = 0; bay < b->bays; bay++) {
        int middle = px_facade_bay_middle(b, bay), half = b->window_width / 2;
        int edge = middle - b->pitch / 2;

        px_facade_add(b, PX_PART_BEAM, 0,
                      px_facade_box(middle - half - beam, top, beam, floor - top));
        px_facade_add(b, PX_PART_BEAM, 0, px_facade_box(middle + half, top, beam, floor - top));
        if (b->palette == 1)
            add_brace(b, middle - half, floor - 13, 2 * half, 11, true);
        add_brace(b, middle - half, floor - 13, 2 * half, 11, false);
        if (b->pitch / 2 - half - beam > 6 && (bay == 0 || bay == b->bays - 1))
            add_brace(b, bay == 0 ? edge : middle + half + beam, top, b->pitch / 2 - half - beam,
                      floor - top, bay == 0);
    }
    px_facade_add(b, PX_PART_BEAM, 0, px_facade_box(b->left, floor - 2, b->right - b->left, 4));
    px_facade_add(b, PX_PART_BEAM, 0, px_facade_box(b->left, floor - 15, b->right - b->left, 3));
    px_facade_add(b, PX_PART_BEAM, 0, px_facade_box(b->left, top, b->right - b->left, 3));
    px_facade_add(b, PX_PART_BEAM, 0, px_facade_box(b->left, top, 4, floor - top));
    px_facade_add(b, PX_PART_BEAM, 0, px_facade_box(b->right - 4, top, 4, floor - top));
}

void px_facade_add_storeys(struct px_facade_builder *b)
{
    int percent = px_facade_draw(b, b->style->min_height, b->style->max_height);

    b->shutter_width = (b->pitch - b->window_width) / 2 - 3;
    if (b->shutter_width > b->window_width / 2)
        b->shutter_width = b->window_width / 2;
    add_columns(b);
    add_bands(b);
    for (int level = 1; level < b->storeys && b->style->timber; level++)
        add_timber(b, level);
    for (int level = b->storeys - 1; level > 0; level--)
        add_storey(b, level, percent);
}
