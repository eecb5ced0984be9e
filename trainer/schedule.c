#include "trainer/schedule.h"

double px_schedule_lr(const struct px_schedule *schedule, int64_t epoch)
{
    int64_t late = epoch + 1 - schedule->n_epochs;

    if (late <= 0)
        return schedule->lr;
    return schedule->lr * (1.0 - (double)late / (double)(schedule->n_epochs_decay + 1));
}
