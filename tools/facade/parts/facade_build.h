#ifndef TOOLS_FACADE_PARTS_FACADE_BUILD_H
#define TOOLS_FACADE_PARTS_FACADE_BUILD_H

/* What the files that lay out a house share: facade_layout.c, whose helpers come first, then
 * facade_storey.c and facade_ground.c. Here lengths are pixels of a 256-pixel picture. */

#include "base/random.h"
#include "tools/facade/facade.h"

enum px_facade_roof { PX_ROOF_FLAT, PX_ROOF_EAVES, PX_ROOF_MANSARD, PX_ROOF_GABLE };

/* What the houses of a style have in common; chances are percentages. */
struct px_facade_style {
    enum px_facade_material wall, ground, roof;
    enum px_facade_panes panes;
    int min_storeys, max_storeys;
    int detached;               /* chance of a house on a lawn instead of a street front */
    int roofs[4];               /* weights by enum px_facade_roof */
    int min_width, max_width;   /* of a window, in hundredths of its bay */
    int min_height, max_height; /* in hundredths of its storey */
    int arches, pediments;      /* chance in palette 0; palette 1 has the opposite */
    int sills, heads, shutters, balconies, bands, columns, shops, blinds;
    bool timber;
    struct px_facade_palette palettes[2];
};

extern const struct px_facade_style px_facade_styles[PX_FACADE_STYLES];

struct px_facade_builder {
    struct px_facade *facade;
    const struct px_facade_style *style;
    struct px_random random;
    int palette; /* 0 or 1; whatever tells the two apart follows it */
    bool detached;
    enum px_facade_roof roof;
    int left, right; /* the walls */
    int eaves, base; /* their top and bottom */
    int storeys, bays;
    int levels[8];     /* the floor line of storey 0 (ground).. and, last, the eaves */
    int margin, pitch; /* bay i begins at left + margin + i * pitch */
    int door_bay;
    bool mirrored; /* bays left and right of the middle are alike */
    bool arches, pediments, shutters, sills, heads, shop;
    int window_width, shutter_width;
};

/* An integer from low to high, both included. */
static inline int px_facade_draw(struct px_facade_builder *b, int low, int high)
{
    return low + (int)px_random_below(&b->random, (uint32_t)(high - low + 1));
}

static inline bool px_facade_chance(struct px_facade_builder *b, int percent)
{
    return px_facade_draw(b, 0, 99) < percent;
}

/* Appends a part and returns it for refinement, until the next call (if the list is full, the
 * next part takes its last place). */
struct px_facade_part *px_facade_add(struct px_facade_builder *b, enum px_facade_part_kind kind,
                                     int variant, struct px_canvas_shape shape);

/* px_canvas_rect() in pixels. */
struct px_canvas_shape px_facade_box(int x, int y, int width, int height);

/* Moves the upper corners of a part inwards, in pixels. */
void px_facade_taper(struct px_facade_part *part, int left, int right);

/* The middle of bay i. */
int px_facade_bay_middle(const struct px_facade_builder *b, int bay);

/* Windows, shutters, balconies, columns, timber: what is on the walls of px_facade_layout(). */
void px_facade_add_storeys(struct px_facade_builder *b);
/* A window with its head, sill, blind and shutters; the shape's rise is the arch that is wanted. */
void px_facade_add_window(struct px_facade_builder *b, struct px_canvas_shape box);
/* The ground floor: doors, shops, windows. */
void px_facade_add_ground_floor(struct px_facade_builder *b);

#endif
