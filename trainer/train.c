#include "trainer/train.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "trainer/feed.h"
#include "trainer/gan.h"
#include "trainer/output.h"
#include "trainer/pairs.h"
#include "trainer/preview.h"
#include "trainer/progress.h"
#include "trainer/schedule.h"
#include "trainer/state.h"

/* Decoded pictures are kept up to this size: 400 pairs at 286 x 286 take 196 MB. */
static const size_t pairs_limit = (size_t)1 << 30;

enum { PREVIEW_PAIRS = 4 };

struct run {
    const struct px_settings *settings;
    const volatile sig_atomic_t *stop;
    FILE *out;
    struct px_output output;
    struct px_network network;
    struct px_settings_text text;
    struct px_metadata options[PX_SETTINGS_MAX + 1]; /* of text, then "pairs" */
    char pairs_text[24];
    struct px_state state;
    struct px_schedule schedule;
    struct px_progress progress;
    struct px_pairs *pairs;
    struct px_pairs *shown; /* the fixed pairs of the pictures */
    struct px_gan *gan;
    struct px_feed *feed;
    struct px_preview *preview;
    int threads;
    int64_t steps_per_epoch, end;
    int64_t steps;    /* taken so far */
    int64_t saved;    /* steps that the files on disk know */
    int64_t epoch_ns; /* when the epoch began (or this run) */
};

static int open_pairs(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;
    char train[4096], val[4096];
    struct px_pairs_options options = {
        .load_size = (uint32_t)s->load_size,
        .input_nc = (uint32_t)s->input_nc,
        .output_nc = (uint32_t)s->output_nc,
        .b_to_a = px_settings_b_to_a(s),
        .max_count = s->max_dataset_size,
        .memory_limit = pairs_limit,
        .threads = run->threads,
    };
    int rc = px_pairs_folders(s->data, train, val, err);

    if (!rc)
        rc = px_pairs_open(&run->pairs, train, &options, err);
    if (rc)
        return rc;
    if (px_pairs_count(run->pairs) < (size_t)s->batch_size)
        return px_fail(err, PX_E_USAGE, "--batch-size %" PRId64 ": %s holds only %zu pairs",
                       s->batch_size, train, px_pairs_count(run->pairs));
    options.load_size = (uint32_t)s->crop_size;
    options.max_count = PREVIEW_PAIRS;
    rc = val[0] ? px_pairs_open(&run->shown, val, &options, err) : -PX_E_NOT_FOUND;
    if (rc == -PX_E_NOT_FOUND) /* no val/, or an empty one */
        rc = px_pairs_open(&run->shown, train, &options, err);
    if (!rc)
        fprintf(run->out, "The number of training images = %zu (%s)\n", px_pairs_count(run->pairs),
                px_pairs_in_memory(run->pairs) ? "kept in memory" : "decoded again each time");
    return rc;
}

static int create_gan(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;
    struct px_gan_options options = {
        .network = run->network,
        .ndf = (int)s->ndf,
        .batch_size = (int)s->batch_size,
        .threads = run->threads,
        .beta1 = s->beta1,
        .gan_mode = (enum px_gan_mode)s->gan_mode,
        .lambda_GAN = s->lambda_GAN,
        .lambda_L1 = s->lambda_L1,
        .unconditional = s->no_conditional_D,
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
    px_settings_describe(s, &run->text);
    memcpy(run->options, run->text.entries, run->text.count * sizeof *run->options);
    snprintf(run->pairs_text, sizeof run->pairs_text, "%zu", px_pairs_count(run->pairs));
    run->options[run->text.count] = (struct px_metadata){"pairs", run->pairs_text};
    run->state.count = px_gan_tensors(run->gan, &run->state.tensors);
    run->state.options = run->options;
    run->state.option_count = run->text.count + 1;
    return 0;
}

/* The generator alone, under the name that models folders pick up. */
static int save_generator(struct run *run, struct px_error *err)
{
    struct px_metadata extra[PX_SETTINGS_MAX + 4];
    size_t n = run->state.option_count - run->text.network_count;
    char steps[24], epoch[24];

    memcpy(extra, run->options + run->text.network_count, n * sizeof *extra);
    snprintf(steps, sizeof steps, "%" PRId64, run->steps);
    snprintf(epoch, sizeof epoch, "%" PRId64, run->steps / run->steps_per_epoch);
    extra[n++] = (struct px_metadata){"trainer", "pix2pix-train " PX_VERSION};
    extra[n++] = (struct px_metadata){"steps", steps};
    extra[n++] = (struct px_metadata){"epoch", epoch};
    return px_state_save_generator(run->output.checkpoint, &run->network, &run->state, extra, n,
                                   err);
}

/* The state goes first: should the second file fail, a resume writes it from the first. */
static int save(struct run *run, struct px_error *err)
{
    int rc = px_state_save(run->output.state, &run->state, err);

    if (!rc)
        rc = save_generator(run, err);
    if (!rc)
        run->saved = run->steps;
    return rc;
}

static int resume(struct run *run, struct px_error *err)
{
    int rc = px_state_load(run->output.state, &run->state, err);

    if (rc)
        return rc;
    run->steps = px_state_steps(&run->state);
    if (run->steps < 0 || run->steps > run->end)
        return px_fail(err, PX_E_FORMAT,
                       "%s: has taken %" PRId64 " steps of a training of %" PRId64,
                       run->output.state, run->steps, run->end);
    run->saved = run->steps;
    fprintf(run->out, "Continuing after %" PRId64 " of %" PRId64 " steps (epoch %" PRId64 ")\n",
            run->steps, run->end,
            run->steps < run->end ? run->steps / run->steps_per_epoch + 1
                                  : run->end / run->steps_per_epoch);
    return save_generator(run, err);
}

static int start_feed(struct run *run, struct px_error *err)
{
    const struct px_settings *s = run->settings;
    struct px_feed_options options = {
        .pairs = run->pairs,
        .load_size = (uint32_t)s->load_size,
        .crop_size = (uint32_t)s->crop_size,
        .input_nc = (uint32_t)s->input_nc,
        .output_nc = (uint32_t)s->output_nc,
        .batch_size = (uint32_t)s->batch_size,
        .flip = !s->no_flip,
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
    run->schedule = (struct px_schedule){s->lr, s->n_epochs, s->n_epochs_decay};
    if ((rc = px_settings_check(s, err)) != 0 ||
        (rc = px_settings_network(s, &run->network, err)) != 0 ||
        (rc = px_output_prepare(&run->output, s->out, s->continue_train, err)) != 0 ||
        (rc = open_pairs(run, err)) != 0)
        return rc;
    run->steps_per_epoch = (int64_t)px_pairs_count(run->pairs) / s->batch_size;
    run->end = run->steps_per_epoch * (s->n_epochs + s->n_epochs_decay);
    if ((rc = create_gan(run, err)) != 0 ||
        (rc = px_preview_create(&run->preview, run->shown, &run->network, err)) != 0)
        return rc;
    if (s->continue_train && (rc = resume(run, err)) != 0)
        return rc;
    return start_feed(run, err);
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
                   (double)l->D_fake, run->saved);
}

static int step(struct run *run, struct px_error *err)
{
    const float *input, *target;
    struct px_gan_losses losses;
    int64_t epoch = run->steps / run->steps_per_epoch + 1;
    int rc = px_feed_next(run->feed, &input, &target, err);

    if (rc)
        return rc;
    rc = px_gan_step(run->gan, input, target, px_schedule_lr(&run->schedule, epoch), &losses, err);
    if (rc)
        return rc;
    run->steps++;
    rc = check_losses(run, &losses, err);
    if (!rc)
        px_progress_step(&run->progress, run->steps, &losses);
    return rc;
}

static int finish_epoch(struct run *run, struct px_error *err)
{
    char path[4096];
    int64_t epoch = run->steps / run->steps_per_epoch;
    int rc = save(run, err);

    if (!rc)
        rc = px_output_picture(&run->output, epoch, path, err);
    if (!rc)
        rc = px_preview_save(run->preview, run->gan, path, err);
    if (rc)
        return rc;
    px_progress_epoch(&run->progress, epoch, px_schedule_lr(&run->schedule, epoch),
                      px_ms_since(run->epoch_ns) * 1e-3);
    run->epoch_ns = px_now_ns();
    return 0;
}

static int interrupted(struct run *run, struct px_error *err)
{
    if (run->steps == 0)
        return px_fail(err, PX_E_INTERRUPTED,
                       "interrupted before the first step: there was nothing to save");
    int rc = run->saved == run->steps ? 0 : save(run, err);
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
            rc = save(run, err);
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
    px_preview_destroy(run->preview);
    px_gan_destroy(run->gan);
    px_pairs_close(run->shown);
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
