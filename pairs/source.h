#ifndef PAIRS_SOURCE_H
#define PAIRS_SOURCE_H

/* In which folders the pairs of a data set are: the layouts of the reference, of CycleGAN and of
 * pix2pixHD. */

#include <stdbool.h>

#include "base/error.h"
#include "base/path.h"

/* Plain data. */
struct px_source {
    char a[PX_PATH_MAX]; /* folder; "": nowhere */
    char b[PX_PATH_MAX]; /* its partner; "": each file of `a` holds A and B side by side */
    bool is_root;        /* its folders train, val and test, if any, are other uses */
};

/* FOLDER/A with FOLDER/B, or a with b, if both are there, else FOLDER itself. USAGE if there are
 * pictures beside the two, if one is there without the other, or the path is too long. */
int px_source_at(struct px_source *source, const char *folder, struct px_error *err);

/* The pairs that a data set has to train on and those to measure with. For training (and likewise,
 * with val for train, for measuring) the first of these that is there:
 *   DIR/train                         as px_source_at() takes it
 *   DIR/trainA, DIR/trainB            CycleGAN's, if its pictures are pairs of the same names
 *   DIR/train_A, DIR/train_B          pix2pixHD's; also train_label, train_img
 *   DIR/A/train, DIR/B/train          or with a and b
 *   DIR                               for training only, as px_source_at() takes it; else nowhere
 * USAGE if only one of two such folders is there. With `halves` every file holds A and B side by
 * side: only DIR/train, DIR/val and DIR itself are looked at, and no folders A and B in them. */
int px_source_find(const char *data, bool halves, struct px_source *train, struct px_source *val,
                   struct px_error *err);

/* The pairs of one use: DIR/USE and so on as above, or, if `use` is "", DIR as px_source_at() takes
 * it, without its folders train, val and test. source->a is "" if there are none. USAGE. */
int px_source_of(struct px_source *source, const char *data, const char *use, struct px_error *err);

/* Whether a file is taken for a picture, by its name: .png, .jpg, .jpeg, in any case. */
extern const char *const px_source_suffixes[];

#endif
