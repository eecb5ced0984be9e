#ifndef MODEL_CHECKPOINT_PARTS_PALETTES_H
#define MODEL_CHECKPOINT_PARTS_PALETTES_H

/* Palettes that have a name. */

#include <stddef.h>

struct px_palette_entry {
    const char *name, *colour; /* "#rrggbb" */
};

/* The entries of a palette: "cmp" or "cityscapes"; NULL if there is none of this name. */
const struct px_palette_entry *px_palette_find(const char *name, size_t *count);

#endif
