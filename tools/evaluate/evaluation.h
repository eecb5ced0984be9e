#ifndef TOOLS_EVALUATE_EVALUATION_H
#define TOOLS_EVALUATE_EVALUATION_H

/* Runs models over a data set and keeps what they score. Nothing but the page keeps pictures, so
 * memory does not grow with them beyond the page's thumbnails. One thread, that of the engine. */

#include "base/error.h"
#include "tools/evaluate/colours.h"
#include "tools/evaluate/labels.h"
#include "tools/evaluate/palette.h"
#include "tools/evaluate/pictures.h"
#include "tools/evaluate/scores.h"
#include "tools/work/stop.h"
#include "translate/translate.h"

enum { PX_EVALUATE_MAX_MODELS = 8 };

/* A model under test and its results so far. */
struct px_evaluated {
    const char *path; /* borrowed */
    struct px_translator translator;
    struct px_means means;
    struct px_colours colours;
    struct px_confusion labels; /* read from its answers, against the truth */
};

/* One picture's results. */
struct px_evaluated_row {
    char *name; /* owned */
    bool pair;  /* else there are no scores */
    struct px_scores scores[PX_EVALUATE_MAX_MODELS];
};

struct px_evaluation {
    struct px_evaluated models[PX_EVALUATE_MAX_MODELS];
    int model_count;
    struct px_translate_options how;
    struct px_palette palette;      /* of label maps */
    bool wants_labels;              /* that a palette was given for */
    bool right;                     /* the input is the right half of pairs */
    struct px_translator segmenter; /* model NULL: none */
    double constant[4];             /* the mean colour of the training targets, 0..255 */
    struct px_means constant_means; /* what that colour scores */
    struct px_means input_means;    /* what the input itself scores, if it has as many channels */
    struct px_colours target_colours;
    struct px_confusion ceiling; /* what the segmenter reads from the targets, against the truth */
    bool has_labels;             /* label maps were compared: labels and perhaps ceiling count */
    size_t pairs, singles;
    struct px_evaluated_row *rows;
    size_t row_count, row_capacity;
};

/* The mean colour of about 400 targets of the set at most, spread evenly over the names.
 * INTERRUPTED once `stop` says so. */
int px_evaluation_mean_colour(struct px_evaluation *evaluation, const struct px_pictures_list *list,
                              const struct px_stop *stop, struct px_error *err);

/* What became of one picture, valid until the next call: the example, and each model's answer. */
struct px_evaluated_pictures {
    struct px_example example;
    struct px_image answers[PX_EVALUATE_MAX_MODELS];
};

/* Runs every model on picture `index` and adds the results. The caller clears *pictures, also after
 * a failure. */
int px_evaluation_add(struct px_evaluation *evaluation, const struct px_pictures_list *list,
                      size_t index, struct px_evaluated_pictures *pictures, struct px_error *err);
void px_evaluated_pictures_clear(struct px_evaluated_pictures *pictures);

/* Frees the rows; models, engines and paths are the caller's. */
void px_evaluation_clear(struct px_evaluation *evaluation);

#endif
