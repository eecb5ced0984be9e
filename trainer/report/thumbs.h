#ifndef TRAINER_REPORT_THUMBS_H
#define TRAINER_REPORT_THUMBS_H

/* The pictures of the report: for some epochs the outputs of the fixed pairs, small, as JPEG in
 * data: URLs. There are at most PX_THUMBS_EPOCHS of them however long the training is: the first,
 * those that a stride divides, and the latest; the stride doubles when there are too many. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"
#include "trainer/report/preview.h"

enum { PX_THUMBS_EPOCHS = 12, PX_THUMBS_SIDE = 128, PX_THUMBS_LARGE = 256 };

struct px_thumbs_epoch {
    int64_t epoch;
    char *outputs[PX_PREVIEW_ROWS]; /* data: URLs, owned */
};

struct px_thumbs {
    size_t rows;
    struct px_thumbs_epoch epochs[PX_THUMBS_EPOCHS + 1]; /* ascending */
    size_t count;
    char *inputs[PX_PREVIEW_ROWS], *targets[PX_PREVIEW_ROWS]; /* small */
    char *large[PX_PREVIEW_ROWS][3]; /* input, output, target of the latest epoch */
};

void px_thumbs_finish(struct px_thumbs *thumbs); /* accepts a zeroed one; frees what it holds */

/* Adds an epoch, later than all before, from its sheet (px_preview_sheet()) of `rows` rows. */
int px_thumbs_add(struct px_thumbs *thumbs, int64_t epoch, const struct px_image *sheet,
                  struct px_error *err);

/* Would adding this epoch, on the way to `last`, still show when `last` is added? So that a resumed
 * training reads only the pictures that it needs. */
bool px_thumbs_keeps(int64_t epoch, int64_t last);

#endif
