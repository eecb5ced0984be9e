#ifndef TOOLS_FACADE_CANVAS_H
#define TOOLS_FACADE_CANVAS_H

/* A square canvas for pictures that must be the same on every machine: integers only.
 *
 * Coordinates are units, PX_CANVAS_UNIT of them to a pixel of a 256-pixel picture, whatever the
 * canvas' own resolution: a canvas of n x n samples looks at the square [0, PX_CANVAS_SIDE) x [0,
 * PX_CANVAS_SIDE) at the centres of its samples. Whoever draws with several samples a pixel and
 * averages them (px_canvas_reduce) gets smooth edges, with one gets hard ones. Everything
 * outside the square is clipped. A canvas serves one thread at a time. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"

enum { PX_CANVAS_UNIT = 8, PX_CANVAS_SIDE = 256 * PX_CANVAS_UNIT };

struct px_canvas_rgb {
    uint8_t r, g, b;
};

struct px_canvas {
    int samples; /* a side */
    struct px_canvas_rgb *data;
};

/* What lies between a top and a bottom edge and two straight sides, in units; with rise > 0 the top
 * is a circular arc that comes up from the sides by `rise` (at most half the width). */
struct px_canvas_shape {
    int top, bottom;
    int top_left, top_right, bottom_left, bottom_right;
    int rise;
};

/* The colour at (u, v), given what is there already. */
typedef struct px_canvas_rgb px_paint(const void *context, int u, int v,
                                      struct px_canvas_rgb below);

int px_canvas_init(struct px_canvas *canvas, int samples, struct px_error *err);
void px_canvas_clear(struct px_canvas *canvas);

void px_canvas_fill(struct px_canvas *canvas, const struct px_canvas_shape *shape,
                    struct px_canvas_rgb colour);
void px_canvas_paint(struct px_canvas *canvas, const struct px_canvas_shape *shape, px_paint *paint,
                     const void *context);

/* Multiplies what is there by from/256 at the top to to/256 at the bottom: shadows and light. */
void px_canvas_shade(struct px_canvas *canvas, const struct px_canvas_shape *shape, int from,
                     int to);

/* A line with round ends; (x, y) pairs in units. */
struct px_stroke {
    int x0, y0, x1, y1;
    int width;
};
void px_canvas_stroke(struct px_canvas *canvas, const struct px_stroke *stroke,
                      struct px_canvas_rgb colour);

/* Averages k x k samples to a pixel, k = samples / image->height (a whole number), and writes them
 * into the RGB image from column `left` on. */
void px_canvas_reduce(const struct px_canvas *canvas, struct px_image *image, uint32_t left);

struct px_canvas_shape px_canvas_rect(int x, int y, int width, int height);

/* The left and right end of the shape at height v; false if it has none there. */
bool px_canvas_shape_span(const struct px_canvas_shape *shape, int v, int *left, int *right);

int px_canvas_isqrt(int64_t n); /* floor of the root; n >= 0 */

static inline uint8_t px_canvas_clamp8(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static inline struct px_canvas_rgb px_canvas_colour(int r, int g, int b)
{
    return (struct px_canvas_rgb){px_canvas_clamp8(r), px_canvas_clamp8(g), px_canvas_clamp8(b)};
}

/* c * k / 256 */
static inline struct px_canvas_rgb px_canvas_scale(struct px_canvas_rgb c, int k)
{
    return px_canvas_colour(c.r * k / 256, c.g * k / 256, c.b * k / 256);
}

/* a at t = 0, b at t = 256 */
static inline struct px_canvas_rgb px_canvas_blend(struct px_canvas_rgb a, struct px_canvas_rgb b,
                                                   int t)
{
    return px_canvas_colour(a.r + (b.r - a.r) * t / 256, a.g + (b.g - a.g) * t / 256,
                            a.b + (b.b - a.b) * t / 256);
}

#endif
