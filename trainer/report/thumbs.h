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
    char *outputs[PX_PREVIEW_ROWS]; /* data: URLs */
};

struct px_thumbs;

/* `rows`: of the sheets, at most PX_PREVIEW_ROWS. */
int px_thumbs_create(struct px_thumbs **out, size_t rows, struct px_error *err);
void px_thumbs_destroy(struct px_thumbs *thumbs); /* accepts NULL */

/* Adds an epoch, later than all before, from its sheet (px_preview_sheet()). */
int px_thumbs_add(struct px_thumbs *thumbs, int64_t epoch, const struct px_image *sheet,
                  struct px_error *err);

/* Would adding this epoch, on the way to `last`, still show when `last` is added? So that a resumed
 * training reads only the pictures that it needs. */
bool px_thumbs_keeps(int64_t epoch, int64_t last);

size_t px_thumbs_rows(const struct px_thumbs *thumbs);

/* The epochs that are shown, ascending. Valid until the next addition, as the URLs below. */
const struct px_thumbs_epoch *px_thumbs_epochs(const struct px_thumbs *thumbs, size_t *count);

/* The picture in a row and column (0 input, 2 target) of every epoch, small; "" before the first.
 */
const char *px_thumbs_small(const struct px_thumbs *thumbs, size_t row, size_t column);

/* The picture in a row and column (1 output) of the latest epoch, large; "" before the first. */
const char *px_thumbs_large(const struct px_thumbs *thumbs, size_t row, size_t column);

#endif
