#include "trainer/train.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "codecs/codec.h"
#include "trainer/dry_run.h"
#include "trainer/ranks/apart.h"
#include "trainer/ranks/outlet.h"
#include "trainer/run.h"
#include "trainer/step_times.h"
#include "trainer/together.h"

/* Adds to a message about a divergence what is left and how to go on. */
static int give_advice(const struct px_run *run, struct px_error *err)
{
    const struct px_error first = *err;
    int64_t saved = run->snapshot.saved, epoch = saved / run->steps_per_epoch + 1;

    if (saved == 0)
        return px_fail(err, PX_E_INTERNAL,
                       "%s; nothing was saved yet: start again with a smaller --lr", first.message);
    if (epoch == 1)
        return px_fail(err, PX_E_INTERNAL,
                       "%s; the files keep the last good state, step %" PRId64
                       ": start again with a smaller --lr",
                       first.message, saved);
    return px_fail(err, PX_E_INTERNAL,
                   "%s; the files keep the last good state, step %" PRId64
                   ": --continue-train --epoch-count %" PRId64
                   " with a smaller --lr goes on from it",
                   first.message, saved, epoch);
}

static int check_losses(const struct px_run *run, const struct px_gan_losses *l,
                        struct px_error *err)
{
    if (isfinite(l->G_GAN) && isfinite(l->G_L1) && isfinite(l->D_real) && isfinite(l->D_fake))
        return 0;
    return px_fail(
        err, PX_E_INTERNAL,
        "the training diverged at step %" PRId64 " (G_GAN %g, G_L1 %g, D_real %g, D_fake %g)",
        run->steps, (double)l->G_GAN, (double)l->G_L1, (double)l->D_real, (double)l->D_fake);
}

static int step(struct px_run *run, struct px_error *err)
{
    int64_t epoch = run->steps / run->steps_per_epoch + 1;
    struct px_history_step done = {.lr = px_schedule_lr(&run->schedule, epoch)};
    int rc = px_run_step(run, &done, err);

    if (rc)
        return rc;
    run->profile.data += done.data;
    run->profile.step += done.compute;
    run->profile.steps++;
    done.step = ++run->steps;
    rc = check_losses(run, &done.losses, err);
    run->diverged = rc != 0;
    if (rc)
        return rc;
    if (!px_run_leads(run))
        return 0;
    px_progress_step(&run->progress, run->steps, &done.losses);
    rc = px_history_add_step(run->history, &done, err);
    return rc ? rc : px_tensorboard_follow(run->board, err);
}

struct saving {
    struct px_run *run;
    pid_t parent;
};

/* A px_apart_run() work. If mpirun killed the process that waits for this, the lock is left to
 * this one. */
static int save_apart(void *closure, struct px_error *err)
{
    const struct saving *saving = closure;
    struct px_run *run = saving->run;
    int rc = px_snapshot_save(&run->snapshot, run->steps, err);

    if (getpid() != saving->parent && getppid() != saving->parent)
        px_output_close(&run->output);
    return rc;
}

/* State and latest generator; for ranks, which mpirun may kill at any time, in another process. */
static int save(struct px_run *run, struct px_error *err)
{
    struct saving saving = {run, getpid()};

    if (!run->ranks)
        return px_snapshot_save(&run->snapshot, run->steps, err);
    int rc = px_apart_run(save_apart, &saving, err);
    if (!rc)
        run->snapshot.saved = run->steps;
    return rc;
}

static int save_picture(const struct px_run *run, int64_t epoch, struct px_error *err)
{
    char path[PX_PATH_MAX];
    int rc = px_make_folder(run->output.pictures, err);

    if (!rc)
        rc = px_output_picture(&run->output, epoch, path, err);
    return rc ? rc : px_image_save(path, px_preview_sheet(run->preview), 90, err);
}

/* Measures the generator and keeps it if it is the best so far. */
static int validate(struct px_run *run, struct px_history_epoch *epoch, struct px_error *err)
{
    int rc = px_validation_run(run->validation, run->gan, px_preview_draw, run->preview,
                               &epoch->quality, err);

    if (!rc && run->has_val)
        rc = px_snapshot_offer(&run->snapshot, run->steps, epoch->quality.l1, &epoch->best, err);
    return rc;
}

/* What the state must know is done before it is saved, what can be lost after it. */
static int lead_epoch(struct px_run *run, struct px_error *err)
{
    struct px_history_epoch done = {
        .epoch = run->steps / run->steps_per_epoch,
        .step = run->steps,
        .pairs = px_pairs_count(run->measured),
    };
    double lr = px_schedule_lr(&run->schedule, done.epoch);
    int rc = validate(run, &done, err);

    if (rc)
        return rc;
    run->snapshot.validated = done.epoch;
    px_schedule_observe(&run->schedule, done.quality.l1);
    done.seconds = px_ms_since(run->epoch_ns) * 1e-3;
    run->epoch_ns = px_now_ns();
    if ((rc = px_history_add_epoch(run->history, &done, err)) != 0 ||
        (rc = px_tensorboard_follow(run->board, err)) != 0 || (rc = save(run, err)) != 0 ||
        (rc = save_picture(run, done.epoch, err)) != 0 ||
        (rc = px_tensorboard_add_picture(run->board, run->steps, px_preview_sheet(run->preview),
                                         err)) != 0)
        return rc;
    if (run->steps > run->progress.first_step)
        run->report.seconds_per_step = px_ms_since(run->progress.start_ns) * 1e-3 /
                                       (double)(run->steps - run->progress.first_step);
    rc = px_report_write(&run->report, done.epoch, px_preview_sheet(run->preview), err);
    if (rc)
        return rc;
    px_progress_epoch(&run->progress, &done, lr);
    return px_snapshot_keep(&run->snapshot, run->steps, err);
}

/* Rank 0 measures and writes; the rate of plateau depends on what it found. */
static int finish_epoch(struct px_run *run, struct px_error *err)
{
    bool same = px_ranks_same(run->ranks, run->ranks ? px_gan_fingerprint(run->gan) : 0);
    int rc = 0;

    if (!same)
        rc = px_fail(err, PX_E_INTERNAL,
                     "after step %" PRId64 " the weights are not the same in all processes; the "
                     "files keep step %" PRId64,
                     run->steps, run->snapshot.saved);
    else if (px_run_leads(run))
        rc = lead_epoch(run, err);
    rc = px_together_done(run->ranks, rc, err);
    if (rc)
        return rc;
    px_ranks_share(run->ranks, &run->schedule, sizeof run->schedule);
    if (run->ranks && px_run_leads(run))
        fprintf(run->out, "The weights are the same in all %d processes\n",
                px_ranks_count(run->ranks));
    return 0;
}

static int interrupted(struct px_run *run, struct px_error *err)
{
    if (!px_run_leads(run)) {
        *err = (struct px_error){.code = PX_E_INTERRUPTED};
        return -PX_E_INTERRUPTED;
    }
    if (run->steps == run->first)
        return px_fail(err, PX_E_INTERRUPTED,
                       "interrupted before the first step: there was nothing to save");
    int rc = run->snapshot.saved == run->steps ? 0 : save(run, err);
    if (rc)
        return rc;
    return px_fail(err, PX_E_INTERRUPTED,
                   "interrupted and saved after step %" PRId64 " of %" PRId64
                   ": the same command with --continue-train goes on",
                   run->steps, run->end);
}

/* No process ends before the first has saved: mpirun would end that one, too. */
static int interrupted_together(struct px_run *run, struct px_error *err)
{
    int rc = interrupted(run, err);

    run->signal = px_ranks_max(run->ranks, *run->stop);
    return rc;
}

static bool is_finite(const struct px_run *run)
{
    return px_state_check_finite(&run->snapshot.state, "", NULL) == 0;
}

/* Completes the message of a failure with what the files on disk are good for. */
static int explain(const struct px_run *run, int rc, struct px_error *err)
{
    struct px_error first;

    if (rc == -PX_E_INTERNAL && err && (run->diverged || !is_finite(run)))
        return give_advice(run, err);
    if (rc != -PX_E_IO || run->snapshot.saved == 0 || !err)
        return rc;
    first = *err;
    return px_fail(err, PX_E_IO,
                   "%s; the files keep step %" PRId64 " of %" PRId64
                   ": once there is room, the same command with --continue-train "
                   "goes on",
                   first.message, run->snapshot.saved, run->end);
}

static bool save_is_due(const struct px_run *run)
{
    int64_t batch = run->pictures;
    int64_t every = run->settings->save_latest_freq;

    return run->steps * batch / every != (run->steps - 1) * batch / every;
}

/* An epoch's end, or a signal in the middle of its validation. */
static int end_epoch(struct px_run *run, struct px_error *err)
{
    int rc = finish_epoch(run, err);

    return rc == -PX_E_INTERRUPTED ? interrupted_together(run, err) : rc;
}

static int save_latest(struct px_run *run, struct px_error *err)
{
    return px_run_leads(run) ? save(run, err) : 0;
}

/* Whether a signal has come, to any of the ranks. */
static bool is_stopped(const struct px_run *run)
{
    return px_ranks_max(run->ranks, *run->stop != 0) != 0;
}

/* While all ranks are there: when the first has ended, mpirun may drop what others print. */
static void print_error(struct px_error *err)
{
    if (err->message[0])
        fprintf(stderr, "pix2pix-train: %s\n", err->message);
    err->message[0] = '\0';
}

/* A step that fails in one rank leaves the others waiting for its gradients. */
static int step_together(struct px_run *run, struct px_error *err)
{
    int rc = step(run, err);

    if (rc && run->ranks && !run->diverged) {
        print_error(err);
        px_ranks_fail(run->ranks, px_error_exit(rc));
    }
    return rc;
}

static int loop(struct px_run *run, struct px_error *err)
{
    int rc = 0;

    run->epoch_ns = px_now_ns();
    if (run->snapshot.pending)
        rc = end_epoch(run, err);
    while (!rc && run->steps < run->end) {
        if (is_stopped(run))
            return interrupted_together(run, err);
        rc = step_together(run, err);
        if (rc)
            break;
        if (run->steps % run->steps_per_epoch == 0)
            rc = end_epoch(run, err);
        else if (save_is_due(run))
            rc = px_together_done(run->ranks, save_latest(run, err), err);
    }
    return rc;
}

static void start_progress(struct px_run *run)
{
    const struct px_train_settings *s = run->settings;

    run->progress = (struct px_progress){
        .out = run->out,
        .terminal = isatty(fileno(run->out)) != 0,
        .epochs = s->n_epochs + s->n_epochs_decay,
        .steps_per_epoch = run->steps_per_epoch,
        .batch_size = run->pictures,
        .pairs = (int64_t)px_pairs_count(run->pairs),
        .print_freq = s->print_freq,
        .first_step = run->steps,
    };
    px_progress_init(&run->progress);
}

static int run_all(struct px_run *run, struct px_error *err)
{
    int rc = px_run_init(run, err);

    fflush(run->out);
    if (rc)
        return rc;
    if (run->settings->dry_run)
        return px_dry_run(run, err);
    if (!px_run_leads(run)) {
        rc = loop(run, err);
        if (run->diverged) /* as in all */
            err->message[0] = '\0';
        return rc;
    }
    start_progress(run);
    rc = explain(run, loop(run, err), err);
    px_progress_clear(&run->progress);
    if (run->settings->profile)
        px_step_times_print(&run->profile, run->gan, run->out);
    if (!rc)
        fprintf(run->out, "%s is complete\n", run->output.checkpoint);
    return rc;
}

/* Of several ranks only the first has something to say. */
static int open_output(struct px_run *run, struct px_outlet **outlet, FILE **silence,
                       struct px_error *err)
{
    int rc = 0;

    if (!run->ranks)
        return 0;
    if (px_run_leads(run)) {
        fflush(run->out);
        rc = px_outlet_open(outlet, fileno(run->out), run->stop, err);
        if (!rc)
            run->out = px_outlet_stream(*outlet);
        return rc;
    }
    *silence = fopen("/dev/null", "w");
    if (!*silence)
        return px_fail(err, PX_E_IO, "/dev/null: cannot open");
    run->out = *silence;
    return 0;
}

/* mpirun answers nothing more after a signal, unless that was one that it only forwards. */
static void leave_ranks(const struct px_run *run, int rc)
{
    if (rc == -PX_E_INTERRUPTED && run->signal != SIGUSR1)
        px_ranks_abandon(run->ranks);
    else
        px_ranks_close(run->ranks);
}

int px_train(const struct px_train_settings *settings, FILE *out, const atomic_int *stop,
             struct px_error *err)
{
    struct px_run *run = calloc(1, sizeof *run);
    struct px_error own = {0};
    struct px_outlet *outlet = NULL;
    FILE *silence = NULL;

    if (!run)
        return px_fail(err, PX_E_NOMEM, "no memory to begin");
    run->settings = settings;
    run->out = out;
    run->stop = stop;
    int rc = px_ranks_open(&run->ranks, &own);
    if (!rc)
        rc = px_together_done(run->ranks, open_output(run, &outlet, &silence, &own), &own);
    if (!rc)
        rc = run_all(run, &own);
    fflush(run->out);
    px_run_clear(run);
    px_outlet_close(outlet);
    if (rc && run->ranks)
        print_error(&own);
    leave_ranks(run, rc);
    free(run);
    if (silence)
        fclose(silence);
    if (rc && err)
        *err = own;
    return rc;
}
