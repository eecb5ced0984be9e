#include "tools/facade/parts/facade_build.h"

#include <string.h>

#include "tools/facade/parts/facade_hand.h"

struct px_canvas_shape px_facade_box(int x, int y, int width, int height)
{
    return px_canvas_rect(x * PX_CANVAS_UNIT, y * PX_CANVAS_UNIT, width * PX_CANVAS_UNIT,
                          height * PX_CANVAS_UNIT);
}

struct px_facade_part *px_facade_add(struct px_facade_builder *b, enum px_facade_part_kind kind,
                                     int variant, struct px_canvas_shape shape)
{
    struct px_facade *f = b->facade;
    struct px_facade_part *part = &f->parts[f->count];

    *part = (struct px_facade_part){.kind = kind, .variant = variant, .shape = shape};
    if (f->count < PX_FACADE_MAX_PARTS - 1)
        f->count++;
    return part;
}

void px_facade_taper(struct px_facade_part *part, int left, int right)
{
    part->shape.top_left += left * PX_CANVAS_UNIT;
    part->shape.top_right -= right * PX_CANVAS_UNIT;
}

int px_facade_bay_middle(const struct px_facade_builder *b, int bay)
{
    return b->left + b->margin + b->pitch * bay + b->pitch / 2;
}

static enum px_facade_roof draw_roof(struct px_facade_builder *b)
{
    int total = 0, ball;

    for (int i = 0; i < 4; i++)
        total += b->style->roofs[i];
    ball = px_facade_draw(b, 0, total - 1);
    for (int i = 0; i < 3; i++) {
        ball -= b->style->roofs[i];
        if (ball < 0)
            return (enum px_facade_roof)i;
    }
    return PX_ROOF_GABLE;
}

/* Where the walls stand: the whole width on a street, a house between lawn and sky otherwise. */
static void place_walls(struct px_facade_builder *b)
{
    int space, storey;

    b->storeys = px_facade_draw(b, b->style->min_storeys, b->style->max_storeys);
    b->detached = b->storeys <= 3 && px_facade_chance(b, b->style->detached * 3 / 2);
    b->roof = draw_roof(b);
    if (b->detached) {
        int width = 2 * px_facade_draw(b, 64, b->storeys == 1 ? 104 : 98);

        if (b->roof == PX_ROOF_GABLE)
            width = 2 * px_facade_draw(b, 56, 80);
        b->left = 128 - width / 2 + px_facade_draw(b, -6, 6);
        b->right = b->left + width;
        b->base = px_facade_draw(b, 216, 234);
        storey = b->storeys == 3 ? px_facade_draw(b, 42, 48) : px_facade_draw(b, 48, 60);
        if (b->roof == PX_ROOF_FLAT)
            storey += 6;
        b->eaves = b->base - storey * b->storeys;
        return;
    }
    if (b->storeys < 2)
        b->storeys = 2;
    b->left = 0;
    b->right = 256;
    b->base = px_facade_draw(b, 240, 250);
    space = b->roof == PX_ROOF_FLAT ? px_facade_draw(b, 14, 44) : px_facade_draw(b, 44, 64);
    if (b->roof == PX_ROOF_GABLE) {
        b->left = px_facade_draw(b, 8, 24);
        b->right = 256 - px_facade_draw(b, 8, 24);
        space = px_facade_draw(b, 84, 100);
        b->storeys = b->storeys > 3 ? 3 : b->storeys;
    }
    storey = (b->base - space) / b->storeys;
    if (storey > 74)
        storey = px_facade_draw(b, 66, 74);
    b->eaves = b->base - storey * b->storeys;
}

/* Floor lines; the ground floor is a little higher than the others. */
static void place_levels(struct px_facade_builder *b)
{
    int height = b->base - b->eaves, upper = height / b->storeys;
    int extra = b->storeys > 1 ? px_facade_draw(b, 0, upper / 6) : 0;

    for (int i = 0; i <= b->storeys; i++)
        b->levels[i] = b->base - height * i / b->storeys;
    for (int i = 1; i < b->storeys; i++)
        b->levels[i] -= extra * (b->storeys - i) / b->storeys;
}

static void place_bays(struct px_facade_builder *b)
{
    int width = b->right - b->left;
    int wide = b->style->panes == PX_PANES_WIDE ? 12 : b->style->shutters > 50 ? 8 : 0;
    int pitch = px_facade_draw(b, 34, 46) + wide + (b->storeys <= 3 ? 4 : 0);

    b->bays = width / pitch;
    b->bays = b->bays < 2 ? 2 : b->bays;
    b->mirrored = px_facade_chance(b, 65);
    if (b->mirrored && b->bays % 2 == 0 && px_facade_chance(b, 60))
        b->bays += width / (b->bays + 1) >= 34 + wide ? 1 : -1;
    b->bays = b->bays < 2 ? 2 : b->bays;
    b->margin = px_facade_draw(b, 0, 6);
    b->pitch = (width - 2 * b->margin) / b->bays;
    b->margin = (width - b->pitch * b->bays) / 2;
    b->door_bay = b->mirrored ? b->bays / 2 : px_facade_draw(b, 0, b->bays - 1);
    b->window_width =
        b->pitch * px_facade_draw(b, b->style->min_width, b->style->max_width) / 100 & ~1;
    b->arches = px_facade_chance(b, b->style->arches);
    b->pediments = px_facade_chance(b, b->style->pediments);
    if (b->palette == 1) {
        b->arches = px_facade_chance(b, 100 - b->style->arches) && b->style->heads > 50;
        b->pediments = !b->arches || b->style->panes == PX_PANES_CROSS;
    }
    b->shutters = px_facade_chance(b, b->style->shutters);
    b->sills = px_facade_chance(b, b->style->sills);
    b->heads = px_facade_chance(b, b->style->heads);
    b->shop = !b->detached && px_facade_chance(b, b->style->shops);
}

static void add_surroundings(struct px_facade_builder *b)
{
    px_facade_add(b, PX_PART_SKY, 0, px_facade_box(0, 0, 256, 256));
    px_facade_add(b, PX_PART_GROUND, b->detached ? PX_GROUND_LAWN : PX_GROUND_PAVEMENT,
                  px_facade_box(0, b->base, 256, 256 - b->base));
}

static void add_chimneys(struct px_facade_builder *b, int top, int bottom)
{
    int n = px_facade_draw(b, 0, 2);

    for (int i = 0; i < n; i++) {
        int room = (b->right - b->left) / 2 - 44;
        int x = i == 0 ? b->left + 28 + px_facade_draw(b, 0, room)
                       : b->right - 42 - px_facade_draw(b, 0, room);

        px_facade_add(b, PX_PART_CHIMNEY, 0,
                      px_facade_box(x, top - px_facade_draw(b, 10, 16), 14, bottom - top));
    }
}

static void add_dormers(struct px_facade_builder *b, int top, int bottom)
{
    int height = bottom - top - 6, width = height * 3 / 4 & ~1;
    int step = b->pitch < width + 12 || px_facade_chance(b, 30) ? 2 : 1;

    for (int i = step == 2 && b->bays % 2 == 0 ? 1 : (step == 2); i < b->bays; i += step) {
        int middle = px_facade_bay_middle(b, i);
        struct px_facade_part *part;

        px_facade_add(b, PX_PART_WALL, PX_MATERIAL_PLASTER,
                      px_facade_box(middle - width / 2, bottom - height + 4, width, height - 4))
            ->detail = 1;
        part =
            px_facade_add(b, PX_PART_HEAD, 2,
                          px_facade_box(middle - width / 2 - 3, bottom - height - 3, width + 6, 8));
        px_facade_taper(part, width / 2 + 3, width / 2 + 3);
        px_facade_add(
            b, PX_PART_WINDOW, (int)b->style->panes,
            px_facade_box(middle - width / 2 + 4, bottom - height + 8, width - 8, height - 10));
    }
}

static void add_pitched_roof(struct px_facade_builder *b)
{
    bool mansard = b->roof == PX_ROOF_MANSARD;
    int overhang = b->detached ? px_facade_draw(b, 4, 8) : 0,
        width = b->right - b->left + 2 * overhang;
    int sky = b->detached ? 0 : px_facade_draw(b, 8, 20);
    int height = b->detached ? px_facade_draw(b, 36, 54) : b->eaves - sky;
    int slope = !b->detached ? 0
                : mansard    ? height / 4
                             : px_facade_draw(b, 0, 1) * px_facade_draw(b, 14, 40);
    int top;
    struct px_facade_part *roof;

    if (height > b->eaves - 12)
        height = b->eaves - 12;
    top = b->eaves - height;
    if (!mansard || px_facade_chance(b, 60))
        add_chimneys(b, top, b->eaves);
    roof = px_facade_add(b, PX_PART_ROOF, (int)b->style->roof,
                         px_facade_box(b->left - overhang, top, width, height));
    px_facade_taper(roof, slope, slope);
    px_facade_add(b, PX_PART_RIDGE, 0,
                  px_facade_box(b->left - overhang + slope, top - 1, width - 2 * slope, 3));
    if (height >= 32 && px_facade_chance(b, mansard ? 90 : 35))
        add_dormers(b, top + 4, b->eaves - 2);
}

/* The gable continues the wall; its roof shows as two boards and what looks out behind them. */
static void add_gable(struct px_facade_builder *b, int height)
{
    int width = b->right - b->left, middle = (b->left + b->right) / 2, over = 6;
    struct px_facade_part *part;

    add_chimneys(b, b->eaves - height / 2, b->eaves);
    part = px_facade_add(b, PX_PART_WALL, (int)b->style->wall,
                         px_facade_box(b->left, b->eaves - height, width, height));
    part->detail = 1;
    px_facade_taper(part, width / 2, width / 2);
    for (int side = 0; side < 2; side++) {
        int foot = side == 0 ? b->left - over : b->right + over - 7;
        struct px_canvas_shape s = px_facade_box(foot, b->eaves - height - 5, 7, height + 8);

        s.top_left = (middle - (side == 0 ? 4 : 3)) * PX_CANVAS_UNIT;
        s.top_right = (middle + (side == 0 ? 3 : 4)) * PX_CANVAS_UNIT;
        px_facade_add(b, PX_PART_RIDGE, 1, s);
    }
}

static void add_walls(struct px_facade_builder *b)
{
    int width = b->right - b->left, first = b->levels[1];
    enum px_facade_material ground = b->style->ground;

    if (b->style->panes == PX_PANES_WIDE && b->palette == 1)
        ground = PX_MATERIAL_BOARDS; /* the modern house's timber base */
    px_facade_add(b, PX_PART_WALL, (int)b->style->wall,
                  px_facade_box(b->left, b->eaves, width, b->base - b->eaves));
    if (ground != b->style->wall && b->storeys > 1)
        px_facade_add(b, PX_PART_WALL, (int)ground,
                      px_facade_box(b->left, first, width, b->base - first));
    if (px_facade_chance(b, 60))
        px_facade_add(b, PX_PART_PLINTH, 0, px_facade_box(b->left, b->base - 8, width, 8));
}

static void add_edges(struct px_facade_builder *b)
{
    int width = b->right - b->left, over = b->detached ? 4 : 0;
    bool gutter = b->roof == PX_ROOF_EAVES;
    int height = gutter ? px_facade_draw(b, 3, 4) : px_facade_draw(b, 6, 10);

    if (b->roof == PX_ROOF_GABLE)
        return;
    px_facade_add(
        b, PX_PART_CORNICE, gutter ? 2 : px_facade_draw(b, 0, 1),
        px_facade_box(b->left - over, b->eaves - (gutter ? 1 : 2), width + 2 * over, height));
    if (b->roof == PX_ROOF_FLAT && px_facade_chance(b, 30) && b->style->panes != PX_PANES_WIDE)
        px_facade_add(b, PX_PART_BAND, 0, px_facade_box(b->left, b->eaves - 9, width, 7));
}

void px_facade_layout(struct px_facade *facade, uint64_t seed, uint64_t index)
{
    struct px_facade_builder b = {.facade = facade};

    memset(facade, 0, sizeof(*facade));
    facade->seed = px_hash(seed, 0, index);
    facade->hand = px_facade_neat_hand(facade->seed);
    px_random_seed(&b.random, facade->seed);
    facade->style = px_facade_draw(&b, 0, PX_FACADE_STYLES - 1);
    b.style = &px_facade_styles[facade->style];
    b.palette = px_facade_draw(&b, 0, 1);
    facade->palette = b.style->palettes[b.palette];
    place_walls(&b);
    place_levels(&b);
    place_bays(&b);
    add_surroundings(&b);
    if (b.roof == PX_ROOF_EAVES || b.roof == PX_ROOF_MANSARD)
        add_pitched_roof(&b);
    if (b.roof == PX_ROOF_GABLE)
        add_gable(&b, (b.right - b.left) * px_facade_draw(&b, 32, 46) / 100);
    add_walls(&b);
    px_facade_add_storeys(&b);
    px_facade_add_ground_floor(&b);
    add_edges(&b);
}
