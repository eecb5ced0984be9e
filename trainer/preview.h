#ifndef TRAINER_PREVIEW_H
#define TRAINER_PREVIEW_H

/* The picture of an epoch: a row of input | output | target for each of a few fixed pairs, so that
 * one sees the training get better. The generator runs as it does at test: norm on the image's own
 * statistics, without dropout. Nothing of the training changes. */

#include <stdint.h>

#include "base/error.h"
#include "trainer/gan.h"
#include "trainer/pairs.h"

struct px_preview;

/* `pairs` (loaded at the crop size, borrowed) gives at most four rows; `network` the sizes. */
int px_preview_create(struct px_preview **out, const struct px_pairs *pairs,
                      const struct px_network *network, struct px_error *err);
void px_preview_destroy(struct px_preview *preview); /* accepts NULL */

/* Draws and saves a PNG, atomically. */
int px_preview_save(struct px_preview *preview, struct px_gan *gan, const char *path,
                    struct px_error *err);

#endif
