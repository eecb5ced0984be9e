#ifndef TRAINER_TRAIN_H
#define TRAINER_TRAIN_H

/* A whole training, from the settings to the last checkpoint. */

#include <stdatomic.h>
#include <stdio.h>

#include "base/error.h"
#include "trainer/settings/settings.h"

/* Everything that can be refused is refused before the first step: options, output files, every
 * picture of the data set. Progress goes to `out`.
 *
 * Started by mpirun, all processes train together: rank 0 writes and shows. The message of a
 * failure is then printed here, once, by rank 0 unless another process alone has failed, and is
 * empty.
 *
 * When *stop becomes nonzero (a handler sets it to its signal), the current step is finished, the
 * state is saved, and the result is INTERRUPTED with a message that says how to go on. */
int px_train(const struct px_train_settings *settings, FILE *out, const atomic_int *stop,
             struct px_error *err);

#endif
