#ifndef TRAINER_OUTPUT_H
#define TRAINER_OUTPUT_H

/* The files that a training leaves, all beside --out NAME.safetensors:
 *
 *   NAME.state                       all that is needed to continue
 *   NAME.best/NAME.safetensors       the generator of the epoch with the lowest validation L1; in a
 *                                    folder of its own, so that a folder of models that holds NAME
 *                                    does not serve it too
 *   NAME.pictures/epoch_NNN.png      input, output and target of a few fixed pairs
 *   NAME.report.html                 curves, pictures, options; one file, rewritten each epoch
 *   NAME.loss_log.txt, NAME.metrics.jsonl   appended to
 *
 * Each but the last two appears only when complete. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "trainer/state.h"

struct px_output {
    char checkpoint[4096]; /* NAME.safetensors */
    char state[4096];      /* NAME.state */
    char best_folder[4096];
    char best[4096]; /* NAME.best/NAME.safetensors */
    char pictures[4096];
    char report[4096], loss_log[4096], metrics[4096];
};

/* Fills the names from `out` (ends in .safetensors) and makes sure, before anything is computed,
 * that the folder is there and can be written, and that nothing of an earlier training would be
 * lost: unless `resume`, neither NAME.safetensors nor NAME.state nor the best one may exist; with
 * it, NAME.state must. */
int px_output_prepare(struct px_output *output, const char *out, bool resume, struct px_error *err);

/* The path of an epoch's picture. */
int px_output_picture(const struct px_output *output, int64_t epoch, char path[4096],
                      struct px_error *err);

#endif
