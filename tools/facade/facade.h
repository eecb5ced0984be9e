#ifndef TOOLS_FACADE_FACADE_H
#define TOOLS_FACADE_FACADE_H

/* Drawn houses, for data sets of pairs. A facade is a list of parts in painter's order: what comes
 * later lies before (and hides) what came earlier. Three drawers go through the same list, so that
 * their pictures agree to the pixel: a label map in the twelve CMP colours, a pencil sketch and a
 * rendering. What a label map cannot tell, materials and colours, follows from the house's style,
 * of which there are few.
 *
 * Everything is integer arithmetic: the same seed draws the same pixels on every machine. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"
#include "tools/facade/canvas.h"

enum px_facade_part_kind {
    PX_PART_SKY,
    PX_PART_GROUND, /* variant: enum px_facade_ground */
    PX_PART_PATH,   /* through a lawn to the door */
    PX_PART_ROOF,   /* variant: enum px_facade_material */
    PX_PART_RIDGE,  /* the light edge of a roof; variant 1: a board along a gable */
    PX_PART_CHIMNEY,
    PX_PART_WALL, /* variant: enum px_facade_material; detail 1: a gable or a dormer's face */
    PX_PART_PLINTH,
    PX_PART_COLUMN,  /* variant 0: pilaster, 1: corner stones */
    PX_PART_BAND,    /* a string course */
    PX_PART_BEAM,    /* timber */
    PX_PART_CORNICE, /* variant 0: plain, 1: with dentils, 2: gutter */
    PX_PART_HEAD,    /* over windows and doors; variant 0: lintel, 1: arch, 2: pediment */
    PX_PART_WINDOW,  /* variant: enum px_facade_panes; detail: enum px_facade_inside */
    PX_PART_SILL,
    PX_PART_SHUTTER, /* variant 0: slats, 1: panels */
    PX_PART_BLIND,
    PX_PART_BALCONY, /* variant 0: iron bars, 1: balusters of stone, 2: glass */
    PX_PART_DOOR,    /* variant 0: one leaf, 1: two leaves, 2: with glass; rise: a fanlight */
    PX_PART_STEP,
    PX_PART_SHOP,
    PX_PART_SIGN,
    PX_PART_AWNING,
    PX_PART_BUSH,
    PX_PART_COUNT
};

enum px_facade_material {
    PX_MATERIAL_BRICK,
    PX_MATERIAL_PLASTER,
    PX_MATERIAL_ASHLAR,
    PX_MATERIAL_RUSTIC, /* plaster with deep horizontal joints */
    PX_MATERIAL_BOARDS,
    PX_MATERIAL_TILES,
    PX_MATERIAL_SLATE,
    PX_MATERIAL_ZINC,
    PX_MATERIAL_COUNT
};

enum px_facade_ground { PX_GROUND_PAVEMENT, PX_GROUND_LAWN };

enum px_facade_panes {
    PX_PANES_SASH,
    PX_PANES_CROSS,
    PX_PANES_GRID,
    PX_PANES_WIDE,
    PX_PANES_SINGLE
};

enum px_facade_inside { PX_INSIDE_DARK, PX_INSIDE_CURTAINS, PX_INSIDE_LIT };

struct px_facade_palette {
    struct px_canvas_rgb wall, ground_floor, stone, frame, shutter, door, roof, metal;
};

struct px_facade_part {
    enum px_facade_part_kind kind;
    int variant, detail;
    struct px_canvas_shape shape;
};

/* How somebody draws a sketch; lengths in units, shares in percent. */
struct px_facade_hand {
    int width;     /* of a line */
    int wobble;    /* how far off its way a line may be */
    int overshoot; /* how far a line runs on past a corner, at most */
    int gaps;      /* of lines that stop short of one */
    int marks;     /* of the bricks and tiles that hint at a material */
    int details;   /* of glazing bars, slats, sills, bands and the like */
    bool coloured; /* in `ink`; else in pencil greys */
    struct px_canvas_rgb ink;
};

enum { PX_FACADE_MAX_PARTS = 1024 };

struct px_facade {
    uint64_t seed; /* for textures and strokes */
    int style;     /* 0..PX_FACADE_STYLES - 1 */
    struct px_facade_palette palette;
    struct px_facade_hand hand;
    int count;
    struct px_facade_part parts[PX_FACADE_MAX_PARTS];
};

enum { PX_FACADE_STYLES = 8, PX_FACADE_MAX_SIDE = 1024 /* of a picture, in pixels */ };

/* Lays out the house number `index` of the series `seed`: any two differ. The hand that sketches it
 * is neat: thin lines, every detail. In facade_layout.c. */
void px_facade_layout(struct px_facade *facade, uint64_t seed, uint64_t index);

/* Makes a house what people draw: some keep all windows and some few, some stand small on an empty
 * sheet, and the hand is anything from a sharp pencil to a thick brush that leaves details out.
 * In facade_hand.c. */
void px_facade_loosen(struct px_facade *facade);

/* Each writes a square picture of image->height pixels into the RGB image from column `left` on
 * (facade_labels.c, facade_sketch.c, facade_render.c). NOMEM is the only failure. */
int px_facade_labels(const struct px_facade *facade, struct px_image *image, uint32_t left,
                     struct px_error *err);
int px_facade_sketch(const struct px_facade *facade, struct px_image *image, uint32_t left,
                     struct px_error *err);
int px_facade_render(const struct px_facade *facade, struct px_image *image, uint32_t left,
                     struct px_error *err);

/* The pair A|B of one house: image is twice as wide as high. A is a label map, a sketch, or the
 * rendering in grey, and B the rendering; or A is the rendering and B the house at night. At
 * most PX_FACADE_MAX_SIDE pixels high. In facade_labels.c. */
enum px_facade_input { PX_FACADE_LABELS, PX_FACADE_SKETCH, PX_FACADE_GREY, PX_FACADE_DAY };
int px_facade_pair(const struct px_facade *facade, enum px_facade_input input,
                   struct px_image *image, struct px_error *err);

/* What a part consists of beyond its outline: glazing bars, slats, rails, panels. Sketch and
 * rendering draw these same shapes. Writes at most PX_FACADE_MAX_DETAILS and returns how many. In
 * facade_details.c. */
enum { PX_FACADE_MAX_DETAILS = 96 };
int px_facade_part_details(const struct px_facade_part *part,
                           struct px_canvas_shape details[PX_FACADE_MAX_DETAILS]);

#endif
