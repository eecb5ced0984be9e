#ifndef TRAINER_DATA_SOURCE_H
#define TRAINER_DATA_SOURCE_H

/* In which folders the pairs of a data set are: the reference's layouts. */

#include <stdbool.h>

#include "base/error.h"

/* Plain data. */
struct px_source {
    char a[4096]; /* folder; "": nowhere */
    char b[4096]; /* its partner; "": each file of `a` holds A and B side by side */
    bool is_root; /* its folders train, val and test, if any, are other uses */
};

/* FOLDER/A and FOLDER/B where both are there, else FOLDER. USAGE where there are pictures beside
 * the two, where one is there without the other, or the path is too long. */
int px_source_at(struct px_source *source, const char *folder, struct px_error *err);

/* The pairs that `data` has to train on: in DIR/train; else in DIR/A/train and DIR/B/train; else in
 * DIR; and those to measure with: in DIR/val, else in DIR/A/val and DIR/B/val, else nowhere. USAGE
 * where only one of two such folders is there. */
int px_source_find(const char *data, struct px_source *train, struct px_source *val,
                   struct px_error *err);

/* Whether a file is taken for a picture, by its name: .png, .jpg, .jpeg, in any case. */
extern const char *const px_source_suffixes[];

#endif
