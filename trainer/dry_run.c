#include "trainer/dry_run.h"

#include "base/clock.h"
#include "trainer/report/machine.h"

/* The first steps are slower: memory is touched for the first time. */
enum { WARM = 2, MAX_TIMED = 20 };
static const double enough = 10; /* seconds of timed steps */

static int time_steps(struct px_run *run, double *seconds, int64_t *timed, struct px_error *err)
{
    int64_t start = px_now_ns(), most = run->end - run->steps;
    int64_t warm = most > WARM ? WARM : 0;

    *timed = 0;
    most = most < warm + MAX_TIMED ? most : warm + MAX_TIMED;
    for (int64_t i = 0; i < most; i++) {
        struct px_history_step step = {.lr = run->settings->lr};
        if (px_ranks_max(run->ranks, *run->stop != 0))
            return px_fail(err, PX_E_INTERRUPTED, "interrupted");
        if (i == warm)
            start = px_now_ns();
        int rc = px_run_step(run, &step, err);
        if (rc)
            return rc;
        *timed += i >= warm;
        if (px_ranks_max(run->ranks, i > warm && px_ms_since(start) > enough * 1e3))
            break;
    }
    *seconds = px_ms_since(start) * 1e-3 / (double)*timed;
    return 0;
}

int px_dry_run(struct px_run *run, struct px_error *err)
{
    double step = 0, epochs = (double)(run->end - run->steps) / (double)run->steps_per_epoch;
    int64_t timed = 0;
    struct px_quality quality;
    struct px_machine machine;
    char epoch[32], all[32];
    int rc = time_steps(run, &step, &timed, err);

    if (rc || !px_run_leads(run))
        return rc;
    int64_t start = px_now_ns();
    rc = px_validation_run(run->validation, run->gan, NULL, NULL, &quality, err);
    if (rc)
        return rc;
    double seconds = step * (double)run->steps_per_epoch + px_ms_since(start) * 1e-3;
    px_progress_duration(seconds, epoch, sizeof epoch);
    px_progress_duration(seconds * epochs, all, sizeof all);
    px_machine_read(&machine);
    fprintf(run->out,
            "Dry run: %.3f s per step with %d threads (%lld timed), about %s for an epoch of %lld "
            "steps and its validation, about %s for %.0f epochs, memory %s%.2f GiB; nothing was "
            "written\n",
            step, run->threads, (long long)timed, epoch, (long long)run->steps_per_epoch, all,
            epochs, px_pairs_check_one_size(run->pairs, NULL) == 0 ? "" : "at least ",
            machine.peak / 0x1p30);
    return 0;
}
