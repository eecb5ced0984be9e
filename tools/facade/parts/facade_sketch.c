#include "base/random.h"
#include "tools/facade/parts/facade_material.h"

/* A pencil on white paper. Every part first whitens its place (it hides what is behind), then draws
 * its outline and its details. Lines waver and overshoot a little, as a hand's do, and a few
 * bricks, stones or tiles hint at what the surface is made of: how much, struct px_facade_hand
 * says. */

struct pencil {
    struct px_canvas canvas;
    uint64_t seed;
    uint64_t strokes; /* drawn so far: each wavers in its own way */
    int width;        /* of a line, in units */
    const struct px_facade_hand *hand;
};

/* True for `percent` of all calls. */
static bool happens(const struct pencil *p, uint64_t what, int percent)
{
    return (int)(px_hash(p->seed + 2, what, p->strokes) % 100) < percent;
}

static struct px_canvas_rgb lead(struct pencil *p)
{
    int grey = 26 + (int)(px_hash(p->seed, 0, p->strokes) % 34);

    return p->hand->coloured ? p->hand->ink : px_canvas_colour(grey, grey, grey);
}

/* A line by hand: straight pieces of about 20 pixels between points that are a little off. */
static void line(struct pencil *p, int x0, int y0, int x1, int y1)
{
    int length = px_canvas_isqrt((int64_t)(x1 - x0) * (x1 - x0) + (int64_t)(y1 - y0) * (y1 - y0));
    int pieces = length / (20 * PX_CANVAS_UNIT) + 1;
    struct px_canvas_rgb grey = lead(p);
    struct px_stroke s = {x0, y0, x0, y0, p->width};
    int off = p->hand->wobble;

    if (happens(p, 0, p->hand->gaps)) { /* the last tenth is missing */
        x1 -= (x1 - x0) / 10;
        y1 -= (y1 - y0) / 10;
    }
    p->strokes++;
    for (int i = 0; i <= pieces; i++) {
        uint64_t hash = px_hash(p->seed, p->strokes, (uint64_t)i);

        s.x0 = s.x1;
        s.y0 = s.y1;
        s.x1 = x0 + (x1 - x0) * i / pieces + (int)(hash % (uint64_t)(2 * off + 1)) - off;
        s.y1 = y0 + (y1 - y0) * i / pieces + (int)(hash >> 32) % (2 * off + 1) - off;
        if (i > 0)
            px_canvas_stroke(&p->canvas, &s, grey);
    }
}

static void arc(struct pencil *p, const struct px_canvas_shape *s)
{
    int half = (s->top_right - s->top_left) / 2, steps = 12;
    int radius = (half * half + s->rise * s->rise) / (2 * s->rise);
    struct px_canvas_rgb grey = lead(p);
    struct px_stroke piece = {s->top_left, s->top + s->rise, s->top_left, s->top + s->rise,
                              p->width};

    p->strokes++;
    for (int i = 1; i <= steps; i++) {
        int x = -half + 2 * half * i / steps;
        int up = px_canvas_isqrt((int64_t)radius * radius - (int64_t)x * x) - (radius - s->rise);

        piece.x0 = piece.x1;
        piece.y0 = piece.y1;
        piece.x1 = s->top_left + half + x;
        piece.y1 = s->top + s->rise - up;
        px_canvas_stroke(&p->canvas, &piece, grey);
    }
}

static void outline(struct pencil *p, const struct px_canvas_shape *s)
{
    int over = (int)(px_hash(p->seed, 1, p->strokes) % (uint64_t)(p->hand->overshoot + 1));

    if (s->rise > 0)
        arc(p, s);
    else if (s->top_right > s->top_left)
        line(p, s->top_left - over, s->top, s->top_right + over, s->top);
    line(p, s->top_left, s->top + s->rise, s->bottom_left, s->bottom);
    line(p, s->top_right, s->top + s->rise, s->bottom_right, s->bottom);
    line(p, s->bottom_left - over, s->bottom, s->bottom_right + over, s->bottom);
}

static void thin_outline(struct pencil *p, const struct px_canvas_shape *s)
{
    int width = p->width;

    p->width = width * 3 / 4;
    outline(p, s);
    p->width = width;
}

/* The middle line of a long thin shape. */
static void bar(struct pencil *p, const struct px_canvas_shape *s)
{
    int width = s->top_right - s->top_left, height = s->bottom - s->top;

    if (width > height)
        line(p, s->top_left, s->top + height / 2, s->top_right, s->top + height / 2);
    else
        line(p, s->top_left + width / 2, s->top, s->top_left + width / 2, s->bottom);
}

static void curtains(struct pencil *p, const struct px_canvas_shape *s)
{
    int width = s->bottom_right - s->bottom_left, top = s->top + s->rise + 8;

    line(p, s->top_left + width * 2 / 5, top, s->bottom_left + width / 5, s->bottom);
    line(p, s->top_right - width * 2 / 5, top, s->bottom_right - width / 5, s->bottom);
}

static bool inside(const struct px_canvas_shape *s, int u0, int u1, int v0, int v1)
{
    int left, right;

    if (!px_canvas_shape_span(s, v0, &left, &right) || left > u0 || right < u1)
        return false;
    return px_canvas_shape_span(s, v1, &left, &right) && left <= u0 && right >= u1;
}

/* One stone of the pattern: its bed joint and a head joint, where the rendering has them. */
static void mark(struct pencil *p, const struct px_facade_part *part, int column, int row)
{
    int height, length, u, v, width;

    px_material_course((enum px_facade_material)part->variant, &height, &length);
    width = length > 0 ? length : 24 * PX_CANVAS_UNIT;
    height = height > 0 ? height : 24 * PX_CANVAS_UNIT;
    u = column * width - (length > 0 && height < 24 * PX_CANVAS_UNIT ? (row & 1) * width / 2 : 0);
    v = row * height;
    if (!inside(&part->shape, u, u + width, v, v + height))
        return;
    if (part->variant != PX_MATERIAL_ZINC)
        line(p, u, v + height - 4, u + width, v + height - 4);
    if (length > 0)
        line(p, u + width - 4, v, u + width - 4, v + height);
}

/* Little groups of stones here and there. */
static void hatch(struct pencil *p, const struct px_facade_part *part)
{
    const struct px_canvas_shape *s = &part->shape;
    int cell_u = 40 * PX_CANVAS_UNIT, cell_v = 30 * PX_CANVAS_UNIT, height, length,
        width = p->width;
    uint64_t n = 0;

    if (part->variant == PX_MATERIAL_PLASTER)
        return;
    px_material_course((enum px_facade_material)part->variant, &height, &length);
    height = height > 0 ? height : cell_v;
    length = length > 0 ? length : 24 * PX_CANVAS_UNIT;
    p->width = width * 5 / 8;
    for (int v = s->top; v < s->bottom; v += cell_v)
        for (int u = s->bottom_left; u < s->bottom_right; u += cell_u, n++) {
            uint64_t hash = px_hash(p->seed + 1, p->strokes, n);
            int row = (v + (int)(hash % (uint64_t)cell_v)) / height;
            int column = (u + (int)((hash >> 20) % (uint64_t)cell_u)) / length;

            if ((int)((hash >> 40) % 100) >= p->hand->marks)
                continue;
            mark(p, part, column, row);
            mark(p, part, column + 1, row);
            mark(p, part, column, row + 1);
            if (height <= 64)
                mark(p, part, column - 1, row + 1);
        }
    p->width = width;
}

static void draw_details(struct pencil *p, const struct px_facade_part *part)
{
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];
    int n = px_facade_part_details(part, details), width = p->width;

    p->width = width * 3 / 4;
    for (int i = 0; i < n; i++) {
        const struct px_canvas_shape *s = &details[i];
        int w = s->bottom_right - s->bottom_left, h = s->bottom - s->top;

        if (!happens(p, (uint64_t)i + 1, p->hand->details))
            continue;
        if (part->kind == PX_PART_DOOR || part->kind == PX_PART_SHOP || (w > 20 && h > 20))
            outline(p, s);
        else
            bar(p, s);
    }
    p->width = width;
}

/* What a loose hand leaves out. */
static bool is_trim(enum px_facade_part_kind kind)
{
    switch (kind) {
    case PX_PART_RIDGE:
    case PX_PART_PLINTH:
    case PX_PART_COLUMN:
    case PX_PART_BAND:
    case PX_PART_BEAM:
    case PX_PART_CORNICE:
    case PX_PART_HEAD:
    case PX_PART_SILL:
    case PX_PART_BLIND:
    case PX_PART_STEP:
    case PX_PART_SIGN:
    case PX_PART_AWNING:
        return true;
    default:
        return false;
    }
}

static void draw_part(struct pencil *p, const struct px_facade_part *part)
{
    const struct px_canvas_shape *s = &part->shape;

    if (part->kind == PX_PART_SKY || (is_trim(part->kind) && !happens(p, 0, p->hand->details)))
        return;
    if (part->kind != PX_PART_BALCONY)
        px_canvas_fill(&p->canvas, s, px_canvas_colour(255, 255, 255));
    switch (part->kind) {
    case PX_PART_GROUND:
        line(p, s->top_left, s->top, s->top_right, s->top);
        break;
    case PX_PART_WALL:
    case PX_PART_ROOF:
        outline(p, s);
        hatch(p, part);
        break;
    case PX_PART_WINDOW:
        outline(p, s);
        draw_details(p, part);
        if (part->detail == PX_INSIDE_CURTAINS)
            curtains(p, s);
        break;
    case PX_PART_BALCONY:
        draw_details(p, part);
        break;
    case PX_PART_BEAM:
    case PX_PART_RIDGE:
        thin_outline(p, s);
        break;
    default:
        outline(p, s);
        draw_details(p, part);
    }
}

int px_facade_sketch(const struct px_facade *facade, struct px_image *image, uint32_t left,
                     struct px_error *err)
{
    struct pencil pencil = {
        .seed = px_hash(facade->seed, 3, 0), .width = facade->hand.width, .hand = &facade->hand};
    struct px_canvas_shape paper = px_canvas_rect(0, 0, PX_CANVAS_SIDE, PX_CANVAS_SIDE);
    int rc = px_canvas_init(&pencil.canvas, 2 * (int)image->height, err);

    if (rc != 0)
        return rc;
    px_canvas_fill(&pencil.canvas, &paper, px_canvas_colour(255, 255, 255));
    for (int i = 0; i < facade->count; i++)
        draw_part(&pencil, &facade->parts[i]);
    px_canvas_reduce(&pencil.canvas, image, left);
    px_canvas_clear(&pencil.canvas);
    return 0;
}
