#ifndef TRAINER_SETTINGS_SCHEDULE_H
#define TRAINER_SETTINGS_SCHEDULE_H

/* The learning rate of an epoch, by the reference's policies. As the reference (since 2020-07-19)
 * steps its scheduler at the start of an epoch, all but plateau happens one epoch early:
 *   linear   full for n_epochs, then falling in n_epochs_decay equal steps to 0 in the last epoch
 *   step     a tenth after every decay_epochs epochs
 *   plateau  a fifth whenever more than 5 epochs in a row have not brought a metric 1 % below its
 *            best; the reference feeds it a constant, px_schedule_observe() what was measured
 *   cosine   half a cosine down to 0 in n_epochs, and up again in the next n_epochs */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum px_lr_policy { PX_LR_LINEAR, PX_LR_STEP, PX_LR_PLATEAU, PX_LR_COSINE };

struct px_schedule {
    enum px_lr_policy policy;
    double lr;
    int64_t n_epochs, n_epochs_decay; /* >= 0; cosine: n_epochs >= 1 */
    int64_t decay_epochs;             /* >= 1 */
    /* What plateau has seen so far. */
    double best;          /* of the metric */
    int64_t bad, falls;   /* epochs in a row without a better one; how often the rate fell */
    int64_t observations; /* 0: `best` means nothing yet */
};

/* epoch: 1..n_epochs + n_epochs_decay. */
double px_schedule_lr(const struct px_schedule *schedule, int64_t epoch);

/* Tells the metric (less is better) that an epoch ended with. */
void px_schedule_observe(struct px_schedule *schedule, double metric);

/* What plateau has seen, as text for a state file, and back. FORMAT where it is no such text. */
void px_schedule_write(const struct px_schedule *schedule, char *out, size_t room);
int px_schedule_read(struct px_schedule *schedule, const char *text, struct px_error *err);

#endif
