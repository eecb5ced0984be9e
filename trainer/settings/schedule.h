#ifndef TRAINER_SETTINGS_SCHEDULE_H
#define TRAINER_SETTINGS_SCHEDULE_H

/* The learning rate of an epoch, by the policies of today's reference (since 2025-08):
 *   linear   full for n_epochs, then falling in equal steps for n_epochs_decay epochs; the step
 *            after those would reach 0
 *   step     a tenth after every decay_epochs epochs
 *   plateau  a fifth whenever more than 5 epochs in a row have not brought a metric 1 % below its
 *            best; the reference feeds it a constant, px_schedule_observe() what was measured
 *   cosine   half a cosine down to 0 after n_epochs, and up again in the next n_epochs
 * The classic reference (2020-07 to 2025-07), and this trainer's first version, stepped all but
 * plateau one epoch early, so that the last epoch of linear trained at rate 0; `early` does so. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum px_lr_policy { PX_LR_LINEAR, PX_LR_STEP, PX_LR_PLATEAU, PX_LR_COSINE };

struct px_schedule {
    enum px_lr_policy policy;
    double lr;
    int64_t n_epochs, n_epochs_decay; /* >= 0; cosine: n_epochs >= 1 */
    int64_t decay_epochs;             /* >= 1 */
    bool early;                       /* one epoch early, as the classic reference */
    /* What plateau has seen so far. */
    double best;          /* of the metric */
    int64_t bad, falls;   /* epochs in a row without a better one; how often the rate fell */
    int64_t observations; /* 0: `best` means nothing yet */
};

/* epoch: 1..n_epochs + n_epochs_decay. */
double px_schedule_lr(const struct px_schedule *schedule, int64_t epoch);

/* Notes the metric (less is better) that an epoch ended with. */
void px_schedule_observe(struct px_schedule *schedule, double metric);

/* What plateau has seen, as text for a state file, and back. FORMAT if the text is malformed. */
void px_schedule_write(const struct px_schedule *schedule, char *out, size_t room);
int px_schedule_read(struct px_schedule *schedule, const char *text, struct px_error *err);

#endif
