#include "tools/facade/parts/facade_render.h"

struct glass {
    int left, top, width, height;
    enum px_facade_inside inside;
    uint64_t seed;
};

/* Dark rooms behind panes that show the sky: pale above, a bright slanting streak, dark below. */
static struct px_canvas_rgb paint_glass(const void *context, int u, int v,
                                        struct px_canvas_rgb below)
{
    const struct glass *g = context;
    int x = (u - g->left) * 256 / g->width, y = (v - g->top) * 256 / g->height;
    int streak = x * 2 + y * g->height / g->width;
    struct px_canvas_rgb c =
        px_canvas_blend(px_canvas_colour(124, 148, 172), px_canvas_colour(46, 56, 68), y);

    (void)below;
    if (g->inside == PX_INSIDE_LIT)
        return px_canvas_blend(px_canvas_colour(252, 222, 150), px_canvas_colour(214, 142, 70),
                               y + px_noise(g->seed, u, v, 60, 60) / 3);
    if ((streak > 300 && streak < 420) || (streak > 450 && streak < 490))
        c = px_canvas_blend(c, px_canvas_colour(206, 222, 234), 76);
    return px_canvas_blend(c, px_canvas_colour(30, 36, 44),
                           24 + px_noise(g->seed, u, v, 90, 90) / 8);
}

static struct px_canvas_rgb paint_curtain(const void *context, int u, int v,
                                          struct px_canvas_rgb below)
{
    int fold = u % 24;

    (void)context;
    return px_canvas_blend(px_canvas_colour(226 - fold * 2, 222 - fold * 2, 210 - fold * 2), below,
                           40 + v % 7);
}

struct px_canvas_shape px_facade_inset(struct px_canvas_shape s, int by)
{
    s.top += by;
    s.bottom -= by;
    s.top_left += by;
    s.bottom_left += by;
    s.top_right -= by;
    s.bottom_right -= by;
    if (s.rise > by)
        s.rise -= by / 2;
    return s;
}

static void draw_curtains(struct px_painter *p, struct px_canvas_shape pane)
{
    int width = pane.bottom_right - pane.bottom_left;
    struct px_canvas_shape left = pane, right = pane;

    left.top_right = left.top_left + width * 2 / 5;
    left.bottom_right = left.bottom_left + width / 5;
    right.top_left = right.top_right - width * 2 / 5;
    right.bottom_left = right.bottom_right - width / 5;
    left.rise = right.rise = 0;
    left.top = right.top = pane.top + pane.rise;
    px_canvas_paint(&p->canvas, &left, paint_curtain, NULL);
    px_canvas_paint(&p->canvas, &right, paint_curtain, NULL);
}

/* The shadow that the reveal throws on what lies deeper than the wall. */
static void draw_recess(struct px_painter *p, const struct px_canvas_shape *s, int depth)
{
    struct px_canvas_shape top = *s, side = *s;

    top.bottom = s->top + depth * PX_CANVAS_UNIT + s->rise / 2;
    top.bottom_left = s->bottom_left;
    top.bottom_right = s->bottom_right;
    px_canvas_shade(&p->canvas, &top, 118, 176);
    side.top = top.bottom;
    side.rise = 0;
    side.top_right = side.bottom_right = s->top_left + depth * PX_CANVAS_UNIT / 2;
    px_canvas_shade(&p->canvas, &side, 150, 150);
}

static void draw_glass(struct px_painter *p, const struct px_canvas_shape *s,
                       enum px_facade_inside inside)
{
    struct glass glass = {s->bottom_left,     s->top, s->bottom_right - s->bottom_left,
                          s->bottom - s->top, inside, p->seed};

    if (glass.width > 0 && glass.height > 0)
        px_canvas_paint(&p->canvas, s, paint_glass, &glass);
}

/* A bar begins where the window is wide enough for it: under an arch, lower than it would. */
void px_draw_bars(struct px_painter *p, const struct px_facade_part *part,
                  struct px_canvas_rgb colour)
{
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];
    int n = px_facade_part_details(part, details), left, right;

    for (int i = 0; i < n; i++) {
        struct px_canvas_shape *bar = &details[i];

        while (bar->top < bar->bottom &&
               (!px_canvas_shape_span(&part->shape, bar->top, &left, &right) ||
                left > bar->top_left || right < bar->top_right))
            bar->top++;
        if (bar->top < bar->bottom)
            px_canvas_fill(&p->canvas, bar, colour);
    }
}

static void draw_window(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_facade_palette *colours = &p->facade->palette;
    struct px_canvas_shape frame = px_facade_inset(part->shape, 6),
                           pane = px_facade_inset(part->shape, 16);

    px_canvas_fill(&p->canvas, &part->shape, px_canvas_scale(colours->stone, 120));
    px_canvas_fill(&p->canvas, &frame, colours->frame);
    draw_glass(p, &pane, (enum px_facade_inside)part->detail);
    if (part->detail == PX_INSIDE_CURTAINS)
        draw_curtains(p, pane);
    px_draw_bars(p, part, colours->frame);
    draw_recess(p, &frame, 3);
}

static void draw_slatted(struct px_painter *p, const struct px_facade_part *part,
                         struct px_canvas_rgb colour)
{
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];
    int n = px_facade_part_details(part, details);

    px_draw_smooth(p, &part->shape, colour, part->kind == PX_PART_SHUTTER ? 1 : 0);
    for (int i = 0; i < n; i++)
        px_canvas_shade(&p->canvas, &details[i], 158, 200);
    if (part->kind == PX_PART_BLIND)
        draw_recess(p, &part->shape, 2);
}

static void draw_balcony(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_facade_palette *colours = &p->facade->palette;
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];
    int n = px_facade_part_details(part, details);
    struct px_canvas_rgb colour = part->variant == 1 ? colours->stone : colours->metal;

    px_cast_shadow(&p->canvas, &details[1], 9);
    px_canvas_shade(&p->canvas, &part->shape, 214, 160);
    if (part->variant == 2) {
        struct px_canvas_shape glass = part->shape;

        draw_glass(p, &glass, PX_INSIDE_DARK);
        px_canvas_shade(&p->canvas, &glass, 330, 360);
    }
    for (int i = 2; i < n; i++) {
        struct px_canvas_shape light = details[i];

        px_canvas_fill(&p->canvas, &details[i], colour);
        light.bottom_right = light.top_right =
            light.top_left + (light.top_right - light.top_left) / 3;
        px_canvas_shade(&p->canvas, &light, 300, 300);
    }
    px_draw_smooth(p, &details[0],
                   part->variant == 1 ? colours->stone : px_canvas_scale(colour, 300), 1);
    px_draw_smooth(p, &details[1],
                   part->variant == 2 ? px_canvas_colour(196, 198, 198) : colours->stone, 0);
}

static void draw_door(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_facade_palette *colours = &p->facade->palette;
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS], leaf = px_facade_inset(part->shape, 6),
                                                           light;
    struct px_surface wood = {.colour = colours->door, .seed = p->seed};
    int n = px_facade_part_details(part, details);

    px_canvas_fill(&p->canvas, &part->shape, px_canvas_scale(colours->stone, 110));
    leaf.bottom = part->shape.bottom;
    px_canvas_paint(&p->canvas, &leaf, px_paint_smooth, &wood);
    light = details[0];
    light.rise = part->shape.rise > 8 ? part->shape.rise - 6 : 0;
    draw_glass(p, &light, PX_INSIDE_DARK);
    for (int i = 1; i < n; i++) {
        if (part->variant == 2) {
            draw_glass(p, &details[i], PX_INSIDE_DARK);
            continue;
        }
        struct px_canvas_shape inner = px_facade_inset(details[i], 8);

        px_canvas_shade(&p->canvas, &details[i], 176, 290);
        if (inner.bottom > inner.top)
            px_canvas_fill(&p->canvas, &inner, px_canvas_scale(colours->door, 276));
    }
    if (part->variant == 1) {
        int middle = (leaf.bottom_left + leaf.bottom_right) / 2;
        struct px_canvas_shape gap =
            px_canvas_rect(middle - 4, light.bottom + 10, 8, leaf.bottom - light.bottom - 10);
        px_canvas_shade(&p->canvas, &gap, 120, 120);
    }
    struct px_canvas_shape knob =
        px_canvas_rect(leaf.bottom_right - 30, (leaf.top + leaf.bottom * 2) / 3, 10, 10);
    px_canvas_fill(&p->canvas, &knob, px_canvas_colour(222, 190, 110));
    draw_recess(p, &part->shape, 3);
}

static void draw_shop(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_facade_palette *colours = &p->facade->palette;
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];
    int n = px_facade_part_details(part, details);

    px_draw_smooth(p, &part->shape, colours->door, 0);
    px_draw_smooth(p, &details[0], px_canvas_scale(colours->door, 200), 0);
    for (int i = 1; i < n; i++) {
        struct px_canvas_shape pane = details[i], goods;
        bool door = part->variant > 0 && i == 1;

        if (door) {
            px_canvas_fill(&p->canvas, &pane, px_canvas_scale(colours->door, 300));
            pane = px_facade_inset(pane, 20);
            pane.bottom -= 48;
        }
        draw_glass(p, &pane, PX_INSIDE_DARK);
        goods = pane;
        goods.top = pane.bottom - (pane.bottom - pane.top) * 2 / 5;
        if (!door) /* what the shop shows, in warm light */
            px_canvas_shade(&p->canvas, &goods, 256, 420);
        draw_recess(p, &pane, 3);
    }
}

static void draw_sign(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_canvas_shape line = px_facade_inset(part->shape, 24);

    px_draw_smooth(p, &part->shape, px_canvas_scale(p->facade->palette.door, 236), 3);
    line.top = part->shape.top + 28;
    line.bottom = part->shape.bottom - 28;
    for (int u = line.top_left + 64, i = 0; u + 40 < line.top_right - 64; i++) { /* lettering */
        int width = 12 + (int)(px_hash(p->seed, 1, (uint64_t)i) % 20);
        struct px_canvas_shape letter = px_canvas_rect(u, line.top, width, line.bottom - line.top);

        if (px_hash(p->seed, 2, (uint64_t)i) % 5 != 0)
            px_canvas_fill(&p->canvas, &letter, px_canvas_colour(232, 214, 160));
        u += width + 10;
    }
}

static void draw_awning(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS], hem = part->shape;
    int n = px_facade_part_details(part, details);

    px_cast_shadow(&p->canvas, &part->shape, 8);
    px_canvas_fill(&p->canvas, &part->shape, px_canvas_colour(236, 230, 216));
    for (int i = 0; i < n; i++)
        px_canvas_fill(&p->canvas, &details[i], px_canvas_colour(176, 58, 50));
    px_canvas_shade(&p->canvas, &part->shape, 270, 226);
    hem.top = hem.bottom - 24;
    hem.top_left = hem.bottom_left;
    hem.top_right = hem.bottom_right;
    px_canvas_shade(&p->canvas, &hem, 200, 200);
}

/* The sill, and the dirt that the rain takes down from its ends. */
static void draw_sill(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_canvas_shape *s = &part->shape;

    for (int i = 0; i < 2; i++) {
        struct px_canvas_shape streak =
            px_canvas_rect(i ? s->bottom_right - 20 : s->bottom_left + 4, s->bottom, 16, 80);
        px_canvas_shade(&p->canvas, &streak, 214, 256);
    }
    px_draw_smooth(p, s, p->facade->palette.stone, 4);
}

void px_draw_opening(struct px_painter *p, const struct px_facade_part *part)
{
    const struct px_facade_palette *colours = &p->facade->palette;

    switch (part->kind) {
    case PX_PART_WINDOW:
        draw_window(p, part);
        break;
    case PX_PART_SILL:
        draw_sill(p, part);
        break;
    case PX_PART_SHUTTER:
        draw_slatted(p, part, colours->shutter);
        break;
    case PX_PART_BLIND:
        draw_slatted(p, part, px_canvas_colour(206, 202, 192));
        break;
    case PX_PART_BALCONY:
        draw_balcony(p, part);
        break;
    case PX_PART_DOOR:
        draw_door(p, part);
        break;
    case PX_PART_SHOP:
        draw_shop(p, part);
        break;
    case PX_PART_SIGN:
        draw_sign(p, part);
        break;
    case PX_PART_AWNING:
        draw_awning(p, part);
        break;
    default:
        break;
    }
}
