#include "trainer/settings/schedule.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* The reference's arguments of ReduceLROnPlateau, and torch's least change of a rate. */
static const double PLATEAU_FACTOR = 0.2, PLATEAU_THRESHOLD = 0.01, LEAST_CHANGE = 1e-8;
enum { PLATEAU_PATIENCE = 5 };

/* `steps`: how often the scheduler has stepped before the epoch. */
static double linear(const struct px_schedule *s, int64_t steps)
{
    int64_t late = steps + 1 - s->n_epochs;

    if (late <= 0)
        return s->lr;
    return s->lr * (1.0 - (double)late / (double)(s->n_epochs_decay + 1));
}

double px_schedule_lr(const struct px_schedule *s, int64_t epoch)
{
    int64_t steps = s->early ? epoch : epoch - 1;

    assert(epoch >= 1 && s->n_epochs >= 0 && s->n_epochs_decay >= 0);
    switch (s->policy) {
    case PX_LR_STEP:
        return s->lr * pow(0.1, (double)(steps / s->decay_epochs));
    case PX_LR_PLATEAU:
        return s->lr * pow(PLATEAU_FACTOR, (double)s->falls);
    case PX_LR_COSINE:
        return s->lr * (1.0 + cos(acos(-1.0) * (double)steps / (double)s->n_epochs)) / 2.0;
    case PX_LR_LINEAR:
        break;
    }
    return linear(s, steps);
}

void px_schedule_observe(struct px_schedule *s, double metric)
{
    if (s->observations++ == 0 || metric < s->best * (1.0 - PLATEAU_THRESHOLD)) {
        s->best = metric;
        s->bad = 0;
        return;
    }
    if (++s->bad <= PLATEAU_PATIENCE)
        return;
    double now = px_schedule_lr(s, 1);
    s->falls += now - PLATEAU_FACTOR * now > LEAST_CHANGE;
    s->bad = 0;
}

void px_schedule_write(const struct px_schedule *s, char *out, size_t room)
{
    snprintf(out, room, "%" PRId64 " %" PRId64 " %" PRId64 " %.17g", s->observations, s->falls,
             s->bad, s->best);
}

int px_schedule_read(struct px_schedule *s, const char *text, struct px_error *err)
{
    struct px_schedule read = *s;
    char more;
    int n = sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %lf%c", &read.observations,
                   &read.falls, &read.bad, &read.best, &more);

    if (n != 4 || read.observations < 0 || read.falls < 0 || read.bad < 0 || !isfinite(read.best))
        return px_fail(err, PX_E_FORMAT, "'%s' is not the progress of a plateau", text);
    *s = read;
    return 0;
}
