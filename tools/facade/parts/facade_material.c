#include "tools/facade/parts/facade_material.h"

#include "base/random.h"

static int lattice(uint64_t seed, int x, int y)
{
    return (int)(px_mix64(seed + ((uint64_t)(uint32_t)x << 32 | (uint32_t)y) * 0x9e3779b97f4a7c15) &
                 255) -
           128;
}

int px_noise(uint64_t seed, int u, int v, int cell_u, int cell_v)
{
    int x = (u + PX_CANVAS_SIDE) / cell_u, y = (v + PX_CANVAS_SIDE) / cell_v;
    int fx = (u + PX_CANVAS_SIDE) % cell_u * 256 / cell_u,
        fy = (v + PX_CANVAS_SIDE) % cell_v * 256 / cell_v;
    int top, bottom;

    fx = fx * fx / 256 * (768 - 2 * fx) / 256; /* smoothstep */
    fy = fy * fy / 256 * (768 - 2 * fy) / 256;
    top = lattice(seed, x, y) * (256 - fx) + lattice(seed, x + 1, y) * fx;
    bottom = lattice(seed, x, y + 1) * (256 - fx) + lattice(seed, x + 1, y + 1) * fx;
    return (top * (256 - fy) + bottom * fy) / 65536;
}

static struct px_canvas_rgb lighten(struct px_canvas_rgb c, int by)
{
    return px_canvas_colour(c.r + by, c.g + by, c.b + by);
}

/* A value in -range..range for the stone at (x, y). */
static int vary(uint64_t seed, int x, int y, int range)
{
    return (int)(px_hash(seed, (uint64_t)(uint32_t)x, (uint64_t)(uint32_t)y) %
                 (uint64_t)(2 * range + 1)) -
           range;
}

struct stone {
    int column, row; /* which one */
    int u, v;        /* where in it */
};

static struct stone find_stone(int u, int v, int length, int height)
{
    struct stone s = {.row = v / height, .v = v % height};
    int shifted = u + (s.row & 1) * length / 2;

    s.column = shifted / length;
    s.u = shifted % length;
    return s;
}

static struct px_canvas_rgb brick(const struct px_surface *s, int u, int v)
{
    struct stone at = find_stone(u, v, 64, 32);
    struct px_canvas_rgb c = s->colour;
    int tone = vary(s->seed, at.column, at.row, 15), warm = vary(s->seed + 1, at.column, at.row, 9);

    if (at.v >= 25 || at.u >= 57)
        return px_canvas_blend(px_canvas_colour(188, 172, 154), c, 70);
    if (vary(s->seed + 2, at.column, at.row, 6) == 6)
        tone -= 26; /* burnt */
    if (at.v < 5 || at.u < 5)
        tone += 10;
    return px_canvas_colour(c.r + tone + warm, c.g + tone, c.b + tone - warm);
}

static struct px_canvas_rgb plaster(const struct px_surface *s, int u, int v)
{
    int stains = px_noise(s->seed, u, v, 320, 480) + px_noise(s->seed + 1, u, v, 88, 160) / 2;
    int grain = px_noise(s->seed + 2, u, v, 11, 11);

    return lighten(s->colour, stains / 14 + grain / 26);
}

static struct px_canvas_rgb ashlar(const struct px_surface *s, int u, int v)
{
    struct stone at = find_stone(u, v, 256, 128);
    int tone = vary(s->seed, at.column, at.row, 11) + px_noise(s->seed + 1, u, v, 60, 30) / 16;

    if (at.v >= 120 || at.u >= 248)
        return px_canvas_scale(s->colour, 170);
    if (at.v < 10 || at.u < 10)
        tone += 14;
    return lighten(s->colour, tone + px_noise(s->seed + 2, u, v, 12, 12) / 22);
}

static struct px_canvas_rgb rustic(const struct px_surface *s, int u, int v)
{
    int in = v % 64;
    struct px_canvas_rgb c = plaster(s, u, v);

    if (in >= 52)
        return px_canvas_scale(c, in < 58 ? 150 : 186);
    return in < 8 ? lighten(c, 14) : c;
}

static struct px_canvas_rgb boards(const struct px_surface *s, int u, int v)
{
    int row = v / 32, in = v % 32;
    int tone = vary(s->seed, row, u / 1024, 8) + px_noise(s->seed + 1, u, v, 160, 16) / 18;

    if (in >= 25)
        return px_canvas_scale(s->colour, 150);
    return lighten(s->colour, tone + (in < 8 ? 14 : 4 - in / 4));
}

static struct px_canvas_rgb tiles(const struct px_surface *s, int u, int v)
{
    int column = u / 32, row = (v + (column & 1) * 4) / 48;
    int across = u % 32, down = (v + (column & 1) * 4) % 48;
    int tone = vary(s->seed, column, row, 16);
    int round = 26 - (across - 12) * (across - 12) / 9; /* lit from the left */

    if (down >= 40)
        tone -= 34;
    return px_canvas_colour(s->colour.r + tone + round, s->colour.g + tone + round * 3 / 4,
                            s->colour.b + tone + round / 2);
}

static struct px_canvas_rgb slate(const struct px_surface *s, int u, int v)
{
    struct stone at = find_stone(u, v, 64, 32);
    int tone = vary(s->seed, at.column, at.row, 11);

    if (at.v >= 26)
        tone -= 30;
    else if (at.u >= 59)
        tone -= 20;
    else if (at.v < 6)
        tone += 8;
    return lighten(s->colour, tone);
}

static struct px_canvas_rgb zinc(const struct px_surface *s, int u, int v)
{
    int in = u % 128;
    int tone = px_noise(s->seed, u, v, 200, 300) / 14 + px_noise(s->seed + 1, u, v, 40, 260) / 24;

    if (in < 8)
        tone += 26;
    else if (in < 16)
        tone -= 34;
    return lighten(s->colour, tone);
}

struct px_canvas_rgb px_paint_surface(const void *context, int u, int v, struct px_canvas_rgb below)
{
    const struct px_surface *s = context;

    switch (s->material) {
    case PX_MATERIAL_BRICK:
        return brick(s, u, v);
    case PX_MATERIAL_PLASTER:
        return plaster(s, u, v);
    case PX_MATERIAL_ASHLAR:
        return ashlar(s, u, v);
    case PX_MATERIAL_RUSTIC:
        return rustic(s, u, v);
    case PX_MATERIAL_BOARDS:
        return boards(s, u, v);
    case PX_MATERIAL_TILES:
        return tiles(s, u, v);
    case PX_MATERIAL_SLATE:
        return slate(s, u, v);
    case PX_MATERIAL_ZINC:
        return zinc(s, u, v);
    case PX_MATERIAL_COUNT:
        break;
    }
    return below;
}

struct px_canvas_rgb px_paint_smooth(const void *context, int u, int v, struct px_canvas_rgb below)
{
    const struct px_surface *s = context;

    (void)below;
    return lighten(s->colour, px_noise(s->seed, u, v, 64, 40) / 22);
}

/* Blue above, pale at the horizon, with soft clouds. */
struct px_canvas_rgb px_paint_sky(const void *context, int u, int v, struct px_canvas_rgb below)
{
    uint64_t seed = *(const uint64_t *)context;
    struct px_canvas_rgb c = px_canvas_blend(px_canvas_colour(104, 152, 208),
                                             px_canvas_colour(206, 222, 234), v * 256 / 1200);
    int cloud = px_noise(seed, u, v, 620, 300) + px_noise(seed + 1, u, v, 260, 130) / 2 +
                px_noise(seed + 2, u, v, 110, 60) / 4;

    (void)below;
    cloud = (cloud - 10) * 3;
    cloud = cloud < 0 ? 0 : cloud > 220 ? 220 : cloud;
    return px_canvas_blend(c, px_canvas_colour(246, 247, 248), cloud);
}

struct px_canvas_rgb px_paint_lawn(const void *context, int u, int v, struct px_canvas_rgb below)
{
    uint64_t seed = ((const struct px_surface *)context)->seed;
    int tone = px_noise(seed, u, v, 200, 90) / 10 + px_noise(seed + 1, u, v, 9, 26) / 9;

    (void)below;
    return px_canvas_colour(96 + tone, 134 + tone, 62 + tone / 2);
}

struct px_canvas_rgb px_paint_pavement(const void *context, int u, int v,
                                       struct px_canvas_rgb below)
{
    uint64_t seed = ((const struct px_surface *)context)->seed;
    int tone = px_noise(seed, u, v, 160, 60) / 12 + px_noise(seed + 1, u, v, 10, 10) / 16;

    (void)below;
    if (u % 256 < 8 || v % 64 < 5)
        tone -= 26;
    return px_canvas_colour(150 + tone, 147 + tone, 142 + tone);
}

struct px_canvas_rgb px_paint_leaves(const void *context, int u, int v, struct px_canvas_rgb below)
{
    const struct px_surface *s = context;
    int tone = px_noise(s->seed, u, v, 30, 26) / 4 + px_noise(s->seed + 1, u, v, 90, 70) / 6;

    (void)below;
    return px_canvas_colour(s->colour.r + tone * 3 / 4, s->colour.g + tone, s->colour.b + tone / 2);
}

void px_material_course(enum px_facade_material material, int *height, int *length)
{
    static const uint8_t courses[PX_MATERIAL_COUNT][2] = {
        [PX_MATERIAL_BRICK] = {4, 8},  [PX_MATERIAL_ASHLAR] = {16, 32},
        [PX_MATERIAL_RUSTIC] = {8, 0}, [PX_MATERIAL_BOARDS] = {4, 0},
        [PX_MATERIAL_TILES] = {6, 4},  [PX_MATERIAL_SLATE] = {4, 8},
        [PX_MATERIAL_ZINC] = {0, 16},
    };

    *height = courses[material][0] * PX_CANVAS_UNIT;
    *length = courses[material][1] * PX_CANVAS_UNIT;
}
