#include "trainer/train.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "codecs/codec.h"
#include "trainer/feed.h"
#include "trainer/gan.h"
#include "trainer/history.h"
#include "trainer/output.h"
#include "trainer/pairs.h"
#include "trainer/preview.h"
#include "trainer/progress.h"
#include "trainer/report.h"
#include "trainer/schedule.h"
#include "trainer/snapshot.h"
#include "trainer/validate.h"

/* Decoded pictures are kept up to this size: 400 pairs at 286 x 286 take 196 MB. */
static const size_t pairs_limit = (size_t)1 << 30;

struct run {
    const struct px_settings *settings;
    const volatile sig_atomic_t *stop;
    FILE *out;
    struct px_output output;
    struct px_network network;
    struct px_snapshot snapshot;
    struct px_history history;
    struct px_report report;
    struct px_schedule schedule;
    struct px_progress progress;
    struct px_pairs *pairs;
    struct px_pairs *measured; /* of DIR/val; else the first few of `pairs` */
    bool has_val;
    struct px_gan *gan;
    struct px_feed *feed;
    struct px_validation *validation;
    struct px_preview *preview;
    size_t rows; /* of the preview */
    int threads;
    int64_t steps_per_epoch, first, end; /* the schedule's steps first..end - 1 are taken */
    int64_t steps;                       /* the next one */
    int64_t epoch_ns;                    /* when the epoch began (or this run) */
};

static int open_pairs(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;
    char train[4096], val[4096];
    struct px_pairs_options options = {
        .input_nc = (uint32_t)s->input_nc,
        .output_nc = (uint32_t)s->output_nc,
        .b_to_a = px_settings_b_to_a(s),
        .max_count = s->max_dataset_size,
        .memory_limit = pairs_limit,
        .threads = run->threads,
    };
    int rc = px_pairs_folders(s->data, train, val, err);

    px_settings_preprocess(s, &options.preprocess);
    if (!rc)
        rc = px_pairs_open(&run->pairs, train, &options, err);
    if (rc)
        return rc;
    if (px_pairs_count(run->pairs) < (size_t)s->batch_size)
        return px_fail(err, PX_E_USAGE, "--batch-size %" PRId64 ": %s holds only %zu pairs",
                       s->batch_size, train, px_pairs_count(run->pairs));
    options.preprocess.load = (uint32_t)s->crop_size; /* as the reference at test */
    options.central = true;
    options.max_count = s->num_val;
    rc = val[0] ? px_pairs_open(&run->measured, val, &options, err) : -PX_E_NOT_FOUND;
    run->has_val = rc == 0;
    options.max_count = PX_PREVIEW_ROWS;
    if (rc == -PX_E_NOT_FOUND) /* no val/, or an empty one */
        rc = px_pairs_open(&run->measured, train, &options, err);
    if (rc)
        return rc;
    fprintf(run->out,
            "The number of training images = %zu (%s)\n"
            "The number of validation images = %zu (%s)\n",
            px_pairs_count(run->pairs),
            px_pairs_in_memory(run->pairs) ? "kept in memory" : "decoded again each time",
            px_pairs_count(run->measured),
            run->has_val ? val : "no val/: the first of training, so no best checkpoint is kept");
    return 0;
}

static int create_gan(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;
    struct px_gan_options options = {
        .network = run->network,
        .ndf = (int)s->ndf,
        .n_layers_D = px_settings_n_layers_D(s),
        .batch_size = (int)s->batch_size,
        .threads = run->threads,
        .beta1 = s->beta1,
        .gan_mode = (enum px_gan_mode)s->gan_mode,
        .lambda_GAN = s->lambda_GAN,
        .lambda_L1 = s->lambda_L1,
        .unconditional = s->no_conditional_D,
        .init = {(enum px_init_type)s->init_type, s->init_gain},
        .seed = s->seed,
    };
    int rc = px_gan_create(&run->gan, &options, err);

    if (rc)
        return rc;
    fprintf(run->out, "[Network G] %s, total number of parameters : %.3f M\n",
            run->network.architecture, (double)px_gan_parameters_G(run->gan) / 1e6);
    if (px_gan_parameters_D(run->gan) > 0)
        fprintf(run->out, "[Network D] total number of parameters : %.3f M\n",
                (double)px_gan_parameters_D(run->gan) / 1e6);
    run->snapshot = (struct px_snapshot){
        .output = &run->output,
        .network = &run->network,
        .schedule = &run->schedule,
        .steps_per_epoch = run->steps_per_epoch,
        .first_step = run->first,
    };
    px_snapshot_start(&run->snapshot, s, run->gan, px_pairs_count(run->pairs));
    return 0;
}

static int create_pictures(struct run *run, struct px_error *err)
{
    size_t count = px_pairs_count(run->measured);

    run->rows = count < PX_PREVIEW_ROWS ? count : PX_PREVIEW_ROWS;
    int rc = px_validation_create(&run->validation, run->measured, &run->network, err);

    return rc ? rc
              : px_preview_create(&run->preview, run->rows, (uint32_t)run->network.crop_size, err);
}

static int resume(struct run *run, struct px_error *err)
{
    int rc = px_snapshot_resume(&run->snapshot, run->end, &run->steps, err);

    if (rc)
        return rc;
    fprintf(run->out, "Continuing after %" PRId64 " of %" PRId64 " steps (epoch %" PRId64 ")\n",
            run->steps, run->end,
            run->steps < run->end ? run->steps / run->steps_per_epoch + 1
                                  : run->end / run->steps_per_epoch);
    return 0;
}

static int start_history(struct run *run, struct px_error *err)
{
    run->history = (struct px_history){
        .loss_log = run->output.loss_log,
        .metrics = run->output.metrics,
        .steps_per_epoch = run->steps_per_epoch,
        .batch_size = run->settings->batch_size,
        .print_freq = run->settings->print_freq,
    };
    return px_history_start(&run->history, run->steps, err);
}

static int start_report(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;

    run->report = (struct px_report){
        .settings = s,
        .output = &run->output,
        .network = &run->network,
        .history = &run->history,
        .parameters_G = px_gan_parameters_G(run->gan),
        .parameters_D = px_gan_parameters_D(run->gan),
        .pairs = px_pairs_count(run->pairs),
        .val_pairs = px_pairs_count(run->measured),
        .has_val = run->has_val,
        .threads = run->threads,
        .epochs = s->n_epochs + s->n_epochs_decay,
        .end = run->end,
        .thumbs.rows = run->rows,
    };
    return px_report_resume(&run->report, run->steps / run->steps_per_epoch, err);
}

static int start_feed(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;
    struct px_feed_options options = {
        .pairs = run->pairs,
        .crop_size = (uint32_t)s->crop_size,
        .input_nc = (uint32_t)s->input_nc,
        .output_nc = (uint32_t)s->output_nc,
        .batch_size = (uint32_t)s->batch_size,
        .flip = !s->no_flip,
        .serial = s->serial_batches,
        .threads = s->num_threads > 0 ? (int)s->num_threads : 1,
        .seed = s->seed,
        .first_step = run->steps,
        .end_step = run->end,
    };
    return px_feed_create(&run->feed, &options, err);
}

static int prepare(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;
    int rc;

    run->threads = s->threads > 0 ? (int)s->threads : omp_get_num_procs();
    run->schedule = (struct px_schedule){
        .policy = (enum px_lr_policy)s->lr_policy,
        .lr = s->lr,
        .n_epochs = s->n_epochs,
        .n_epochs_decay = s->n_epochs_decay,
        .decay_epochs = s->lr_decay_iters,
    };
    if ((rc = px_settings_check(s, err)) != 0 ||
        (rc = px_settings_network(s, &run->network, err)) != 0 ||
        (rc = px_output_prepare(&run->output, s->out, s->continue_train, err)) != 0 ||
        (rc = open_pairs(run, err)) != 0)
        return rc;
    run->steps_per_epoch = (int64_t)px_pairs_count(run->pairs) / s->batch_size;
    run->first = run->steps_per_epoch * (s->epoch_count - 1);
    run->end = run->steps_per_epoch * (s->n_epochs + s->n_epochs_decay);
    run->steps = run->first;
    if ((rc = create_gan(run, err)) != 0 || (rc = create_pictures(run, err)) != 0)
        return rc;
    if (s->continue_train && (rc = resume(run, err)) != 0)
        return rc;
    if ((rc = start_feed(run, err)) != 0 || (rc = start_history(run, err)) != 0)
        return rc;
    return start_report(run, err);
}

static int check_losses(const struct run *run, const struct px_gan_losses *l, struct px_error *err)
{
    if (isfinite(l->G_GAN) && isfinite(l->G_L1) && isfinite(l->D_real) && isfinite(l->D_fake))
        return 0;
    return px_fail(err, PX_E_INTERNAL,
                   "the training diverged at step %" PRId64
                   " (G_GAN %g, G_L1 %g, D_real %g, D_fake "
                   "%g): a smaller --lr may help; the files hold step %" PRId64,
                   run->steps, (double)l->G_GAN, (double)l->G_L1, (double)l->D_real,
                   (double)l->D_fake, run->snapshot.saved);
}

static int step(struct run *run, struct px_error *err)
{
    const float *input, *target;
    int64_t epoch = run->steps / run->steps_per_epoch + 1;
    struct px_history_step done = {.lr = px_schedule_lr(&run->schedule, epoch)};
    int64_t begin = px_now_ns();
    int rc = px_feed_next(run->feed, &input, &target, err);

    if (rc)
        return rc;
    done.data = px_ms_since(begin) * 1e-3;
    begin = px_now_ns();
    rc = px_gan_step(run->gan, input, target, done.lr, &done.losses, err);
    if (rc)
        return rc;
    done.compute = px_ms_since(begin) * 1e-3;
    done.step = ++run->steps;
    rc = check_losses(run, &done.losses, err);
    if (rc)
        return rc;
    px_progress_step(&run->progress, run->steps, &done.losses);
    return px_history_add_step(&run->history, &done, err);
}

static int save_picture(const struct run *run, int64_t epoch, struct px_error *err)
{
    char path[4096];
    int rc = px_make_folder(run->output.pictures, err);

    if (!rc)
        rc = px_output_picture(&run->output, epoch, path, err);
    return rc ? rc : px_image_save(path, px_preview_sheet(run->preview), 90, err);
}

/* Measures the generator and keeps it where it is the best so far. */
static int validate(struct run *run, struct px_history_epoch *epoch, struct px_error *err)
{
    int rc = px_validation_run(run->validation, run->gan, px_preview_draw, run->preview,
                               &epoch->quality, err);

    if (!rc && run->has_val)
        rc = px_snapshot_offer(&run->snapshot, run->steps, epoch->quality.l1, &epoch->best, err);
    return rc;
}

/* What the state must know comes before it, what can be done without after it. */
static int finish_epoch(struct run *run, struct px_error *err)
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
    px_schedule_observe(&run->schedule, done.quality.l1);
    done.seconds = px_ms_since(run->epoch_ns) * 1e-3;
    run->epoch_ns = px_now_ns();
    if ((rc = px_history_add_epoch(&run->history, &done, err)) != 0 ||
        (rc = px_snapshot_save(&run->snapshot, run->steps, err)) != 0 ||
        (rc = save_picture(run, done.epoch, err)) != 0)
        return rc;
    run->report.seconds_per_step = px_ms_since(run->progress.start_ns) * 1e-3 /
                                   (double)(run->steps - run->progress.first_step);
    rc = px_report_write(&run->report, done.epoch, px_preview_sheet(run->preview), err);
    if (rc)
        return rc;
    px_progress_epoch(&run->progress, &done, lr);
    return 0;
}

static int interrupted(struct run *run, struct px_error *err)
{
    if (run->steps == run->first)
        return px_fail(err, PX_E_INTERRUPTED,
                       "interrupted before the first step: there was nothing to save");
    int rc =
        run->snapshot.saved == run->steps ? 0 : px_snapshot_save(&run->snapshot, run->steps, err);
    if (rc)
        return rc;
    return px_fail(err, PX_E_INTERRUPTED,
                   "interrupted and saved after step %" PRId64 " of %" PRId64
                   ": the same command with --continue-train goes on",
                   run->steps, run->end);
}

static bool save_is_due(const struct run *run)
{
    int64_t batch = run->settings->batch_size;
    int64_t every = run->settings->save_latest_freq;

    return run->steps * batch / every != (run->steps - 1) * batch / every;
}

static int loop(struct run *run, struct px_error *err)
{
    int rc = 0;

    run->epoch_ns = px_now_ns();
    while (!rc && run->steps < run->end) {
        if (*run->stop)
            return interrupted(run, err);
        rc = step(run, err);
        if (rc)
            break;
        if (run->steps % run->steps_per_epoch == 0)
            rc = finish_epoch(run, err);
        else if (save_is_due(run))
            rc = px_snapshot_save(&run->snapshot, run->steps, err);
    }
    return rc;
}

static void start_progress(struct run *run)
{
    const struct px_settings *s = run->settings;

    run->progress = (struct px_progress){
        .out = run->out,
        .terminal = isatty(fileno(run->out)) != 0,
        .epochs = s->n_epochs + s->n_epochs_decay,
        .steps_per_epoch = run->steps_per_epoch,
        .batch_size = s->batch_size,
        .print_freq = s->print_freq,
        .first_step = run->steps,
    };
    px_progress_start(&run->progress);
}

static void release(struct run *run)
{
    px_feed_destroy(run->feed);
    px_report_finish(&run->report);
    px_history_finish(&run->history);
    px_preview_destroy(run->preview);
    px_validation_destroy(run->validation);
    px_gan_destroy(run->gan);
    px_pairs_close(run->measured);
    px_pairs_close(run->pairs);
    free(run);
}

int px_train(const struct px_settings *settings, FILE *out, const volatile sig_atomic_t *stop,
             struct px_error *err)
{
    struct run *run = calloc(1, sizeof *run);

    if (!run)
        return px_fail(err, PX_E_NOMEM, "no memory to begin");
    run->settings = settings;
    run->out = out;
    run->stop = stop;
    int rc = prepare(run, err);
    fflush(out);
    if (!rc) {
        start_progress(run);
        rc = loop(run, err);
        px_progress_clear(&run->progress);
        if (!rc)
            fprintf(out, "%s is complete\n", run->output.checkpoint);
        fflush(out);
    }
    release(run);
    return rc;
}
