#ifndef TRAINER_REPORT_PREVIEW_H
#define TRAINER_REPORT_PREVIEW_H

/* The picture of an epoch: a row of input | output | target for each of a few fixed pairs, so that
 * one sees the training get better. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"

enum { PX_PREVIEW_ROWS = 4, PX_PREVIEW_GAP = 4 }; /* the gap: white pixels between pictures */

struct px_preview;

/* rows: 1..PX_PREVIEW_ROWS; each picture gets side x side pixels: one of another size is scaled to
 * fit into them. */
int px_preview_create(struct px_preview **out, size_t rows, uint32_t side, struct px_error *err);
void px_preview_destroy(struct px_preview *preview); /* accepts NULL */

/* Draws row `row`; one that is out of range is left out. A px_validation_see: `preview` is a struct
 * px_preview. Grey becomes RGB, alpha is dropped. A picture without memory to scale it is left out.
 */
void px_preview_draw(void *preview, size_t row, const struct px_image *input,
                     const struct px_image *output, const struct px_image *target);

/* RGB: a row of three pictures for each pair. Borrowed. */
const struct px_image *px_preview_sheet(const struct px_preview *preview);

#endif
