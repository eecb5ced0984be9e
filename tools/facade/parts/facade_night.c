#include "tools/facade/parts/facade_night.h"

#include <assert.h>
#include <string.h>

#include "tools/facade/parts/facade_render.h"

/* Night is the rendering by day, dimmed and tinted blue, plus the light of the lamps indoors. That
 * light is drawn on a black canvas of its own, with the parts in the same painter's order, so that
 * whatever stands before a window hides its light as well. */

static const struct px_canvas_rgb black = {0, 0, 0};
static const struct px_canvas_rgb lamp = {255, 206, 128}, shaded_lamp = {232, 172, 96};

/* Brighter near the ceiling. */
static void light_pane(struct px_painter *p, const struct px_canvas_shape *pane,
                       struct px_canvas_rgb colour)
{
    px_canvas_fill(&p->canvas, pane, colour);
    px_canvas_shade(&p->canvas, pane, 256, 170);
}

static void light_window(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_canvas_shape pane = px_facade_inset(part->shape, 16);

    px_canvas_fill(&p->canvas, &part->shape, black);
    if (part->detail == PX_INSIDE_DARK)
        return; /* nobody is at home: what shows this by day shows it at night */
    light_pane(p, &pane, part->detail == PX_INSIDE_LIT ? lamp : shaded_lamp);
    px_draw_bars(p, part, black);
}

static void light_door(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];

    px_facade_part_details(part, details);
    details[0].rise = part->shape.rise > 8 ? part->shape.rise - 6 : 0;
    px_canvas_fill(&p->canvas, &part->shape, black);
    light_pane(p, &details[0], shaded_lamp);
}

static void light_shop(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];
    int n = px_facade_part_details(part, details);

    px_canvas_fill(&p->canvas, &part->shape, black);
    for (int i = part->variant > 0 ? 2 : 1; i < n; i++)
        light_pane(p, &details[i], lamp);
}

static void light_part(struct px_painter *p, const struct px_facade_part *part)
{
    struct px_canvas_shape details[PX_FACADE_MAX_DETAILS];
    int n;

    switch (part->kind) {
    case PX_PART_WINDOW:
        light_window(p, part);
        break;
    case PX_PART_DOOR:
        light_door(p, part);
        break;
    case PX_PART_SHOP:
        light_shop(p, part);
        break;
    case PX_PART_BALCONY: /* the light comes through between its bars */
        n = px_facade_part_details(part, details);
        for (int i = 0; i < n; i++)
            px_canvas_fill(&p->canvas, &details[i], black);
        break;
    default:
        px_canvas_fill(&p->canvas, &part->shape, black);
    }
}

/* Means over 2 * radius + 1 pixels of a row or column of RGB pixels, `step` bytes apart. */
static void blur_line(uint8_t *line, int count, size_t step, int radius)
{
    int sums[3] = {0};
    uint8_t old[3 * PX_FACADE_MAX_SIDE];

    assert(count <= PX_FACADE_MAX_SIDE);
    for (int i = 0; i < count; i++)
        memcpy(old + (size_t)i * 3, line + (size_t)i * step, 3);
    for (int i = -radius; i < count; i++) {
        int in = i + radius, out = i - radius - 1;

        for (int c = 0; c < 3; c++) {
            sums[c] += in < count ? old[in * 3 + c] : 0;
            sums[c] -= out >= 0 ? old[out * 3 + c] : 0;
            if (i >= 0)
                line[(size_t)i * step + (size_t)c] = (uint8_t)(sums[c] / (2 * radius + 1));
        }
    }
}

/* The halo of the lights: `light` smeared over a sixteenth of the picture. */
static int make_glow(const struct px_image *light, struct px_image *glow, struct px_error *err)
{
    int side = (int)light->height, radius = side / 32;
    size_t row = (size_t)side * 3;
    int rc = px_image_init(glow, light->width, light->height, 3, err);

    if (rc)
        return rc;
    memcpy(glow->data, light->data, row * (size_t)side);
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < side; y++)
            blur_line(glow->data + (size_t)y * row, side, 3, radius);
        for (int x = 0; x < side; x++)
            blur_line(glow->data + (size_t)x * 3, side, row, radius);
    }
    return 0;
}

/* The lit panes alone, on black. */
static int draw_lights(const struct px_facade *facade, struct px_image *light, struct px_error *err)
{
    struct px_painter painter = {.facade = facade};
    int rc = px_canvas_init(&painter.canvas, 2 * (int)light->height, err);

    if (rc)
        return rc;
    for (int i = 0; i < facade->count; i++)
        light_part(&painter, &facade->parts[i]);
    px_canvas_reduce(&painter.canvas, light, 0);
    px_canvas_clear(&painter.canvas);
    return 0;
}

/* Curtains and bars, pale or dark by day, show against the light from indoors; the glow falls on
 * what surrounds it. */
static void compose(const struct px_image *light, const struct px_image *glow, const uint8_t *day,
                    uint8_t *night)
{
    static const int tint[3] = {58, 70, 104}; /* of 256 */
    size_t side = light->height;

    for (size_t y = 0; y < side; y++)
        for (size_t i = 0; i < side * 3; i++) {
            size_t at = y * side * 3 + i, to = y * side * 6 + i;
            int v = day[to], lit = light->data[at], halo = glow->data[at];

            night[to] = px_canvas_clamp8(v * tint[i % 3] / 256 + lit * (128 + v / 2) / 256 +
                                         halo * (40 + v) / 384);
        }
}

int px_facade_darken(const struct px_facade *facade, struct px_image *image, struct px_error *err)
{
    struct px_image light = {0}, glow = {0};
    size_t side = image->height;

    int rc = px_image_init(&light, image->height, image->height, 3, err);
    if (!rc)
        rc = draw_lights(facade, &light, err);
    if (!rc)
        rc = make_glow(&light, &glow, err);
    if (!rc)
        compose(&light, &glow, image->data, image->data + side * 3);
    px_image_clear(&light);
    px_image_clear(&glow);
    return rc;
}
