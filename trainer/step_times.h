#ifndef TRAINER_STEP_TIMES_H
#define TRAINER_STEP_TIMES_H

/* Where a training's time goes, for --profile. */

#include <stdint.h>
#include <stdio.h>

#include "trainer/nn/gan.h"

struct px_step_times {
    int64_t steps;
    double data, step; /* seconds: waiting for batches, and px_gan_step() */
};

/* Prints a table of ms per step: the parts of px_gan_profile(), the data, and their sum. */
void px_step_times_print(const struct px_step_times *profile, const struct px_gan *gan, FILE *out);

#endif
