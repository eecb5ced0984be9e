#ifndef TOOLS_FACADE_PARTS_FACADE_MATERIAL_H
#define TOOLS_FACADE_PARTS_FACADE_MATERIAL_H

/* Surfaces, as functions of the place on the canvas. Courses of bricks, tiles and stones lie on a
 * grid fixed to the picture whose steps are powers of two pixels: a network made of stride-2
 * layers can learn such a pattern exactly. */

#include "tools/facade/facade.h"

struct px_surface {
    enum px_facade_material material;
    struct px_canvas_rgb colour;
    uint64_t seed;
};

/* A px_paint whose context is a px_surface. */
px_paint px_paint_surface;
/* Smooth stone, metal, wood: a px_surface of which only colour and seed count. */
px_paint px_paint_smooth;
/* The sky; context: a seed (uint64_t). */
px_paint px_paint_sky;
/* Lawn and pavement; context: a px_surface of which only the seed counts. */
px_paint px_paint_lawn;
px_paint px_paint_pavement;
/* Leaves, the colour of a px_surface. */
px_paint px_paint_leaves;

/* Smooth noise, -128..127, in cells of cell_u x cell_v units. */
int px_noise(uint64_t seed, int u, int v, int cell_u, int cell_v);

/* Height of a course and length of a stone in units, to hint at the pattern with; 0: none. */
void px_material_course(enum px_facade_material material, int *height, int *length);

#endif
