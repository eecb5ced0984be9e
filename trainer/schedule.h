#ifndef TRAINER_SCHEDULE_H
#define TRAINER_SCHEDULE_H

/* The learning rate of an epoch: the reference's linear policy, full for n_epochs, then falling
 * in n_epochs_decay equal steps. As the reference (since 2020-07-19) steps its scheduler at the
 * start of an epoch, the decay begins one epoch early and the very last epoch has a rate of 0. */

#include <stdint.h>

struct px_schedule {
    double lr;
    int64_t n_epochs, n_epochs_decay; /* >= 0 */
};

/* epoch: 1..n_epochs + n_epochs_decay. */
double px_schedule_lr(const struct px_schedule *schedule, int64_t epoch);

#endif
