#ifndef TOOLS_FACADE_PARTS_FACADE_RENDER_H
#define TOOLS_FACADE_PARTS_FACADE_RENDER_H

/* What the files that render a house share: facade_render.c, facade_opening.c, facade_night.c. */

#include "tools/facade/parts/facade_build.h"
#include "tools/facade/parts/facade_material.h"

struct px_painter {
    const struct px_facade *facade;
    struct px_canvas canvas;
    uint64_t seed; /* of the part at hand */
};

/* Throws the shadow of something that stands out by `depth` pixels on what is drawn so far. */
void px_cast_shadow(struct px_canvas *canvas, const struct px_canvas_shape *shape, int depth);
/* A solid thing of one colour that stands out by `depth` pixels (0: no shadow). */
void px_draw_smooth(struct px_painter *painter, const struct px_canvas_shape *shape,
                    struct px_canvas_rgb colour, int depth);

/* Windows, shutters, blinds, balconies, doors, shops, signs, awnings, sills. */
void px_draw_opening(struct px_painter *painter, const struct px_facade_part *part);

/* The shape without an edge of `by` units all around. */
struct px_canvas_shape px_facade_inset(struct px_canvas_shape shape, int by);
/* The glazing bars of a window. */
void px_draw_bars(struct px_painter *painter, const struct px_facade_part *window,
                  struct px_canvas_rgb colour);

#endif
