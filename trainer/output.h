#ifndef TRAINER_OUTPUT_H
#define TRAINER_OUTPUT_H

/* The files that a training leaves, all beside --out NAME.safetensors: NAME.state to continue from,
 * and NAME.pictures/epoch_NNN.png. Each appears only when complete. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "trainer/state.h"

struct px_output {
    char checkpoint[4096]; /* NAME.safetensors */
    char state[4096];      /* NAME.state */
    char pictures[4096];   /* NAME.pictures */
};

/* Fills the names from `out` (ends in .safetensors) and makes sure, before anything is computed,
 * that the folder is there and can be written, and that nothing of an earlier training would be
 * lost: unless `resume`, neither NAME.safetensors nor NAME.state may exist; with it, NAME.state
 * must. */
int px_output_prepare(struct px_output *output, const char *out, bool resume, struct px_error *err);

/* The path of an epoch's picture, in a folder that is made where it is missing. */
int px_output_picture(const struct px_output *output, int64_t epoch, char path[4096],
                      struct px_error *err);

#endif
