#ifndef TOOLS_EVALUATE_LABELS_H
#define TOOLS_EVALUATE_LABELS_H

/* Label maps: which class of a palette each pixel has (that of the nearest colour), and how two
 * label maps agree, as the FCN-score of the pix2pix paper counts it
 * (scripts/eval_cityscapes of the reference). Plain data; one thread at a time. */

#include <stdbool.h>
#include <stdint.h>

#include "codecs/image.h"
#include "tools/evaluate/palette.h"

/* Whether a picture is a label map: RGB, and 98 % of its pixels within 24 of a class's colour in
 * every channel. */
bool px_labels_is_map(const struct px_palette *palette, const struct px_image *image);

/* The share of pixels, 0..1, that are near a class's colour, within 48 in every channel: near 1 for
 * what a model makes that draws these classes. RGB. */
double px_labels_share(const struct px_palette *palette, const struct px_image *image);

/* counts[truth][found], in pixels; pixels whose truth is void are left out. Zero-initialise. */
struct px_confusion {
    uint64_t counts[PX_CARD_COLOURS][PX_CARD_COLOURS];
};

/* Both RGB and of one size. */
void px_confusion_add(struct px_confusion *confusion, const struct px_palette *palette,
                      const struct px_image *truth, const struct px_image *found);

/* Shares in 0..1, NAN without pixels: right pixels; the mean over the classes that occur of right
 * pixels; the mean over the classes that occur or were found, but for void ones, of intersection
 * over union. */
struct px_label_scores {
    double pixel, class_mean, iou;
};
struct px_label_scores px_confusion_scores(const struct px_confusion *confusion,
                                           const struct px_palette *palette);

#endif
