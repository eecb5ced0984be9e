#ifndef TOOLS_EVALUATE_PALETTE_H
#define TOOLS_EVALUATE_PALETTE_H

/* The classes of label maps and their colours. Plain data. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/checkpoint/card.h"
#include "model/engine/model.h"

struct px_palette {
    char title[120]; /* "CMP facades", or the file that has it */
    int count;
    uint8_t colours[PX_CARD_COLOURS][3];
    bool is_void[PX_CARD_COLOURS]; /* not scored: its name is "void" or begins with "void:" */
};

/* The palette called `name`: "cmp", "cityscapes", or a JSON file with a palette as in a model's
 * card. FORMAT, NOT_FOUND, USAGE. */
int px_palette_open(struct px_palette *palette, const char *name, struct px_error *err);

/* The palette in a model's card; *found: whether it has one. */
int px_palette_of_model(struct px_palette *palette, const struct px_model *model, const char *path,
                        bool *found, struct px_error *err);

#endif
