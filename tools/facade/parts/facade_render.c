#include "tools/facade/parts/facade_render.h"

/* The sun stands high on the left: what projects throws its shadow down and a little to the right.
 * Parts come in painter's order, so a part's shadow falls on what is already there, then the part
 * covers its place. */

void px_cast_shadow(struct px_canvas *canvas, const struct px_canvas_shape *s, int depth)
{
    int d = depth * PX_CANVAS_UNIT, side = d / 2, dark = 140;
    struct px_canvas_shape below =
        px_canvas_rect(s->bottom_left, s->bottom, s->bottom_right - s->bottom_left, d);
    struct px_canvas_shape beside =
        px_canvas_rect(s->top_right, s->top + side, side, s->bottom - s->top - side);

    below.bottom_left += side;
    below.bottom_right += side;
    px_canvas_shade(canvas, &below, dark, dark + 46);
    if (beside.bottom > beside.top && s->top_right == s->bottom_right)
        px_canvas_shade(canvas, &beside, dark + 16, dark + 16);
}

/* A light edge above, a dark one below: what makes a flat colour a solid thing. */
static void bevel(struct px_canvas *canvas, const struct px_canvas_shape *s, int edge)
{
    struct px_canvas_shape top = *s, bottom = *s;

    top.bottom = s->top + edge;
    top.bottom_left = s->top_left;
    top.bottom_right = s->top_right;
    bottom.top = s->bottom - edge;
    bottom.top_left = s->bottom_left;
    bottom.top_right = s->bottom_right;
    bottom.rise = 0;
    if (s->rise == 0 && s->top_right - s->top_left > edge)
        px_canvas_shade(canvas, &top, 284, 284);
    px_canvas_shade(canvas, &bottom, 206, 196);
}

void px_draw_smooth(struct px_painter *p, const struct px_canvas_shape *shape,
                    struct px_canvas_rgb colour, int depth)
{
    struct px_surface surface = {.colour = colour, .seed = p->seed};

    if (depth > 0)
        px_cast_shadow(&p->canvas, shape, depth);
    px_canvas_paint(&p->canvas, shape, px_paint_smooth, &surface);
    bevel(&p->canvas, shape, PX_CANVAS_UNIT);
}

static void draw_wall(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_facade_palette *colours = &p->facade->palette;
    struct px_surface surface = {.material = (enum px_facade_material)part->variant,
                                 .seed = p->seed};
    bool main = part->variant == (int)px_facade_styles[p->facade->style].wall;
    struct px_canvas_shape splash = part->shape;

    surface.colour = main ? colours->wall : colours->ground_floor;
    if (part->detail == 1 && !main)
        surface.colour = colours->stone;
    px_canvas_paint(&p->canvas, &part->shape, px_paint_surface, &surface);
    if (part->detail == 1)
        return;
    splash.top = part->shape.bottom - 14 * PX_CANVAS_UNIT; /* dirt where the rain splashes */
    px_canvas_shade(&p->canvas, &splash, 256, 216);
}

static void draw_roof(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_surface surface = {.material = (enum px_facade_material)part->variant,
                                 .colour = p->facade->palette.roof,
                                 .seed = p->seed};

    px_canvas_paint(&p->canvas, &part->shape, px_paint_surface, &surface);
    px_canvas_shade(&p->canvas, &part->shape, 276, 226);
}

static void draw_chimney(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_canvas_shape *s = &part->shape;
    struct px_surface surface = {
        .material = PX_MATERIAL_BRICK, .colour = {150, 82, 66}, .seed = p->seed};
    struct px_canvas_shape cap =
        px_canvas_rect(s->top_left - 12, s->top, s->top_right - s->top_left + 24, 24);
    struct px_canvas_shape shaded = *s;

    shaded.top_left = shaded.bottom_left = s->top_left + (s->top_right - s->top_left) * 5 / 8;
    px_canvas_paint(&p->canvas, s, px_paint_surface, &surface);
    px_canvas_shade(&p->canvas, &shaded, 180, 180);
    px_draw_smooth(p, &cap, px_canvas_colour(170, 160, 150), 1);
}

static void draw_column(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_canvas_shape *s = &part->shape;
    struct px_canvas_rgb stone = p->facade->palette.stone;
    int width = s->top_right - s->top_left;

    if (part->variant == 1) { /* corner stones: long and short in turn */
        for (int v = s->top / 64 * 64, i = 0; v < s->bottom; v += 64, i++) {
            struct px_canvas_shape block =
                px_canvas_rect(s->top_left, v < s->top ? s->top : v, width, 0);
            int shorter = i & 1 ? width * 3 / 8 : 0;

            block.bottom = v + 60 < s->bottom ? v + 60 : s->bottom;
            if (s->top_left < PX_CANVAS_SIDE / 2)
                block.top_right = block.bottom_right -= shorter;
            else
                block.top_left = block.bottom_left += shorter;
            px_draw_smooth(p, &block, stone, 1);
        }
        return;
    }
    px_draw_smooth(p, s, stone, 2);
    for (int i = 0; i < 2; i++) { /* the round of it */
        struct px_canvas_shape side =
            px_canvas_rect(s->top_left + (i ? width * 3 / 4 : width / 3), s->top,
                           i ? width / 4 : width / 3, s->bottom - s->top);
        px_canvas_shade(&p->canvas, &side, i ? 206 : 274, i ? 206 : 274);
    }
    for (int i = 0;
         i < 2 && width >= 5 * PX_CANVAS_UNIT && s->bottom - s->top > 30 * PX_CANVAS_UNIT; i++) {
        struct px_canvas_shape end =
            px_canvas_rect(s->top_left - 8, i ? s->bottom - 32 : s->top + 48, width + 16, 32);
        px_draw_smooth(p, &end, stone, 1);
    }
}

static void draw_cornice(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_canvas_shape *s = &part->shape;
    int height = s->bottom - s->top;
    struct px_canvas_shape upper = *s, line = *s;

    if (part->variant == 2) {
        px_draw_smooth(p, s, px_canvas_colour(122, 112, 104), 5);
        return;
    }
    px_draw_smooth(p, s, p->facade->palette.stone, 6);
    upper.bottom = s->top + height / 2;
    px_draw_smooth(p, &upper, p->facade->palette.stone, 1);
    line.bottom = s->top + 10;
    px_canvas_shade(&p->canvas, &line, 276, 276);
    if (part->variant == 1)
        for (int u = s->top_left / 64 * 64; u < s->top_right; u += 64) {
            struct px_canvas_shape gap =
                px_canvas_rect(u, s->top + height / 2 + 6, 28, height / 2 - 6);
            px_canvas_shade(&p->canvas, &gap, 150, 160);
        }
}

static void draw_head(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_canvas_shape *s = &part->shape;
    struct px_canvas_rgb stone = p->facade->palette.stone;
    int middle = (s->top_left + s->top_right) / 2;

    if (part->variant == 2) {
        struct px_canvas_shape inner = *s;

        px_draw_smooth(p, s, stone, 2);
        inner.top += 20;
        inner.bottom -= 12;
        inner.bottom_left += 36;
        inner.bottom_right -= 36;
        if (inner.bottom > inner.top)
            px_canvas_shade(&p->canvas, &inner, 196, 226);
        return;
    }
    px_draw_smooth(p, s, stone, part->variant == 0 ? 2 : 0);
    if (part->variant == 1) { /* the key stone */
        struct px_canvas_shape key = px_canvas_rect(middle - 16, s->top - 8, 32, 48);
        key.top_left -= 10;
        key.top_right += 10;
        px_draw_smooth(p, &key, px_canvas_scale(stone, 268), 0);
    }
}

static void draw_bush(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_surface leaves = {.colour = {66, 104, 52}, .seed = p->seed};
    struct px_canvas_shape dark = part->shape;

    px_canvas_paint(&p->canvas, &part->shape, px_paint_leaves, &leaves);
    px_canvas_shade(&p->canvas, &dark, 290, 170);
}

static void draw_ground(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_surface surface = {.seed = p->seed};
    struct px_canvas_shape shadow = part->shape;

    px_canvas_paint(&p->canvas, &part->shape,
                    part->variant == PX_GROUND_LAWN ? px_paint_lawn : px_paint_pavement, &surface);
    shadow.bottom = shadow.top + 4 * PX_CANVAS_UNIT;
    px_canvas_shade(&p->canvas, &shadow, 170, 240);
}

static void draw_beam(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_surface wood = {.colour = p->facade->palette.metal, .seed = p->seed};

    px_canvas_paint(&p->canvas, &part->shape, px_paint_smooth, &wood);
    if (part->shape.top_left == part->shape.bottom_left)
        bevel(&p->canvas, &part->shape, 5);
}

static void draw_part(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_facade_palette *colours = &p->facade->palette;
    uint64_t sky = p->facade->seed;

    switch (part->kind) {
    case PX_PART_SKY:
        px_canvas_paint(&p->canvas, &part->shape, px_paint_sky, &sky);
        break;
    case PX_PART_GROUND:
        draw_ground(p, part);
        break;
    case PX_PART_PATH:
        px_draw_smooth(p, &part->shape, px_canvas_colour(176, 164, 146), 0);
        break;
    case PX_PART_ROOF:
        draw_roof(p, part);
        break;
    case PX_PART_RIDGE:
        if (part->variant == 1)
            px_draw_smooth(p, &part->shape, px_canvas_scale(colours->roof, 230), 0);
        else
            px_draw_smooth(p, &part->shape, px_canvas_scale(colours->roof, 290), 1);
        break;
    case PX_PART_CHIMNEY:
        draw_chimney(p, part);
        break;
    case PX_PART_WALL:
        draw_wall(p, part);
        break;
    case PX_PART_PLINTH:
        px_draw_smooth(p, &part->shape, px_canvas_scale(colours->stone, 196), 1);
        break;
    case PX_PART_COLUMN:
        draw_column(p, part);
        break;
    case PX_PART_BAND:
        px_draw_smooth(p, &part->shape, colours->stone, 3);
        break;
    case PX_PART_BEAM:
        draw_beam(p, part);
        break;
    case PX_PART_CORNICE:
        draw_cornice(p, part);
        break;
    case PX_PART_HEAD:
        draw_head(p, part);
        break;
    case PX_PART_BUSH:
        draw_bush(p, part);
        break;
    case PX_PART_STEP:
        px_draw_smooth(p, &part->shape, px_canvas_colour(176, 172, 164), 1);
        break;
    default:
        px_draw_opening(p, part);
    }
}

/* Grain, a breath of vignette, and a tint of each picture's own. */
static void grade(const struct px_facade *facade, struct px_image *image, uint32_t left)
{
    int size = (int)image->height;
    int warm = (int)(px_hash(facade->seed, 1, 0) % 13) - 6;
    int gain = 250 + (int)(px_hash(facade->seed, 1, 1) % 14);

    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            uint8_t *c = image->data + ((size_t)y * image->width + left + (size_t)x) * 3;
            int dx = (2 * x - size) * 64 / size, dy = (2 * y - size) * 64 / size;
            int k = gain - (dx * dx + dy * dy) / 512;
            int grain = (int)(px_hash(facade->seed, (uint64_t)y + 2, (uint64_t)x) % 7) - 3;

            c[0] = px_canvas_clamp8(c[0] * k / 256 + grain + warm / 2);
            c[1] = px_canvas_clamp8(c[1] * k / 256 + grain);
            c[2] = px_canvas_clamp8(c[2] * k / 256 + grain - warm / 2);
        }
}

int px_facade_render(const struct px_facade *facade, struct px_image *image, uint32_t left,
                     struct px_error *err)
{
    struct px_painter painter = {.facade = facade};
    int rc = px_canvas_init(&painter.canvas, 2 * (int)image->height, err);

    if (rc != 0)
        return rc;
    for (int i = 0; i < facade->count; i++) {
        painter.seed = px_hash(facade->seed, 2, (uint64_t)i);
        draw_part(&painter, &facade->parts[i]);
    }
    px_canvas_reduce(&painter.canvas, image, left);
    px_canvas_clear(&painter.canvas);
    grade(facade, image, left);
    return 0;
}
