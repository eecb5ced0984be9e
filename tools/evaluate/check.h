#ifndef TOOLS_EVALUATE_CHECK_H
#define TOOLS_EVALUATE_CHECK_H

/* Whether models and pictures fit together, seen from the first few pictures, before the work. */

#include "base/error.h"
#include "tools/evaluate/evaluation.h"

/* USAGE, with the picture, if
 * - the model reads or makes alpha, and the files have none;
 * - the model makes grey pictures, and the targets are coloured;
 * - there is a segmenter, but the inputs are not label maps of the classes that labels.h knows;
 * - the segmenter makes a picture of a real target that is not of these classes' colours. */
int px_evaluation_check(const struct px_evaluation *evaluation, const struct px_pictures_list *list,
                        struct px_error *err);

#endif
