#include "model/checkpoint/parts/palettes.h"

#include <string.h>

/* The classes of the CMP facades in the order of the data base, in the colours of pix2pix's label
 * maps. */
static const struct px_palette_entry cmp[] = {
    {"background", "#0006d9"}, {"wall", "#0d3dfb"},    {"door", "#a50000"},
    {"window", "#0075ff"},     {"sill", "#68f898"},    {"head", "#1dffdd"},
    {"shutter", "#eeed28"},    {"balcony", "#b8ff38"}, {"trim", "#ff9204"},
    {"cornice", "#ff4401"},    {"column", "#f60001"},  {"entrance", "#00c9ff"},
};

/* The 19 classes that Cityscapes is scored by, in the colours of its label maps, behind all that is
 * not scored. */
static const struct px_palette_entry cityscapes[] = {
    {"void", "#000000"},
    {"road", "#804080"},
    {"sidewalk", "#f423e8"},
    {"building", "#464646"},
    {"wall", "#66669c"},
    {"fence", "#be9999"},
    {"pole", "#999999"},
    {"traffic light", "#faaa1e"},
    {"traffic sign", "#dcdc00"},
    {"vegetation", "#6b8e23"},
    {"terrain", "#98fb98"},
    {"sky", "#4682b4"},
    {"person", "#dc143c"},
    {"rider", "#ff0000"},
    {"car", "#00008e"},
    {"truck", "#000046"},
    {"bus", "#003c64"},
    {"train", "#005064"},
    {"motorcycle", "#0000e6"},
    {"bicycle", "#770b20"},
    {"void: dynamic", "#6f4a00"},
    {"void: ground", "#510051"},
    {"void: parking", "#faaaa0"},
    {"void: rail track", "#e6968c"},
    {"void: guard rail", "#b4a5b4"},
    {"void: bridge", "#966464"},
    {"void: tunnel", "#96785a"},
    {"void: caravan", "#00005a"},
    {"void: trailer", "#00006e"},
};

const struct px_palette_entry *px_palette_find(const char *name, size_t *count)
{
    *count = 0;
    if (strcmp(name, "cmp") == 0) {
        *count = sizeof cmp / sizeof *cmp;
        return cmp;
    }
    if (strcmp(name, "cityscapes") == 0) {
        *count = sizeof cityscapes / sizeof *cityscapes;
        return cityscapes;
    }
    return NULL;
}
