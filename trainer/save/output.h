#ifndef TRAINER_SAVE_OUTPUT_H
#define TRAINER_SAVE_OUTPUT_H

/* The files that a training leaves, all beside --out NAME.safetensors:
 *
 *   NAME.state                       all that is needed to continue
 *   NAME.best/NAME.safetensors       the generator of the epoch with the lowest validation L1; in a
 *                                    folder of its own, so that a folder of models that holds NAME
 *                                    does not serve it too
 *   NAME.epochs/NAME_NNN.safetensors the generator after every --save-epoch-freq epochs
 *   NAME.epochs/NAME_NNN.state       the state after the last --keep-states of them
 *   NAME.pictures/epoch_NNN.png      input, output and target of a few fixed pairs
 *   NAME.report.html                 curves, pictures, options; one file, rewritten each epoch
 *   NAME.loss_log.txt, NAME.metrics.jsonl   appended to
 *
 * Each but the last two appears only when complete. While a training runs, NAME.lock keeps others
 * from writing to the same files. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/path.h"
#include "trainer/save/state.h"

struct px_output {
    char checkpoint[PX_PATH_MAX]; /* NAME.safetensors */
    char state[PX_PATH_MAX];      /* NAME.state */
    char best_folder[PX_PATH_MAX];
    char best[PX_PATH_MAX];                          /* NAME.best/NAME.safetensors */
    char epochs[PX_PATH_MAX], pictures[PX_PATH_MAX]; /* folders */
    char report[PX_PATH_MAX], loss_log[PX_PATH_MAX], metrics[PX_PATH_MAX], lock[PX_PATH_MAX];
    int lock_fd;      /* + 1; 0: not locked */
    bool made_folder; /* for NAME.safetensors: it was not there */
};

/* Fills the names from `out` (ends in .safetensors) and checks that nothing of an earlier training
 * would be lost: unless `resume`, neither NAME.safetensors nor NAME.state nor the best one
 * may exist; with it, NAME.state must. Writes nothing. */
int px_output_check(struct px_output *output, const char *out, bool resume, struct px_error *err);

/* The same, and makes sure, before anything is computed, that the folder is there (it is made if
 * only one level is missing) and can be written, and that no other training has the same `out`
 * (BUSY). Removes what a killed training
 * left half written. `output` is zeroed before, and released in any case. */
int px_output_open(struct px_output *output, const char *out, bool resume, struct px_error *err);
void px_output_close(struct px_output *output); /* frees the lock */

/* The path of an epoch's picture. */
int px_output_picture(const struct px_output *output, int64_t epoch, char path[PX_PATH_MAX],
                      struct px_error *err);

/* The path of the copy of the generator that is kept of an epoch. */
int px_output_epoch(const struct px_output *output, int64_t epoch, char path[PX_PATH_MAX],
                    struct px_error *err);

/* The path of the state that is kept of an epoch. */
int px_output_epoch_state(const struct px_output *output, int64_t epoch, char path[PX_PATH_MAX],
                          struct px_error *err);

/* Removes all but the latest `keep` (at least 1) of the states kept of the epochs up to `last`. */
void px_output_thin_states(const struct px_output *output, int64_t last, int64_t keep);

#endif
