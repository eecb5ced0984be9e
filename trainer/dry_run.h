#ifndef TRAINER_DRY_RUN_H
#define TRAINER_DRY_RUN_H

/* --dry-run: estimates what a training would need. */

#include "trainer/run.h"

/* Takes a few steps and validates a pair, prints the memory and the time that the whole training
 * will need. Nothing is written. */
int px_dry_run(struct px_run *run, struct px_error *err);

#endif
