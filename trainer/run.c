#include "trainer/run.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/dnn/cpu.h"
#include "trainer/found.h"
#include "trainer/save/finetune.h"
#include "trainer/together.h"

/* Decoded pictures are kept up to this size: 400 pairs at 286 x 286 take 196 MB. */
static const size_t pairs_limit = (size_t)1 << 30;

/* A px_pairs_options.on_broken. */
static void print_broken(void *run, const char *message)
{
    fprintf(((struct px_run *)run)->out, "Broken: %s\n", message);
}

static struct px_pairs_options pairs_options(struct px_run *run)
{
    const struct px_train_settings *s = run->settings;
    struct px_pairs_options options = {
        .pair = {.input_nc = (uint32_t)s->input_nc,
                 .output_nc = (uint32_t)s->output_nc,
                 .b_to_a = px_train_settings_b_to_a(s),
                 .limits = {(uint64_t)s->max_pixels, (uint32_t)s->max_side, false}},
        .any_shape = px_train_settings_halves(s),
        .skip_broken = s->skip_broken,
        .max_count = s->max_dataset_size,
        .memory_limit = pairs_limit,
        .threads = run->threads,
        .stop = run->stop,
        .on_broken = print_broken,
        .closure = run,
    };

    px_train_settings_preprocess(s, &run->network, &options.pair.preprocess);
    return options;
}

/* Opens the pairs to measure with: those of val/, or else the first few that are trained on. */
static int open_measured(struct px_run *run, const struct px_source *train,
                         const struct px_source *val, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    struct px_pairs_options options = pairs_options(run);

    if (px_preprocess_crops(&options.pair.preprocess))
        options.pair.preprocess.load = (uint32_t)s->crop_size; /* as the reference at test */
    options.pair.central = true;
    options.max_count = s->num_val;
    int rc = val->a[0] ? px_pairs_open(&run->measured, val, &options, err) : -PX_E_NOT_FOUND;
    run->has_val = rc == 0;
    if (rc != -PX_E_NOT_FOUND)
        return rc;
    options.max_count = PX_PREVIEW_ROWS; /* no val/, or an empty one */
    options.on_broken = NULL;            /* they were reported already */
    return px_pairs_open(&run->measured, train, &options, err);
}

static int open_pairs(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    struct px_source train, val;
    struct px_pairs_options options = pairs_options(run);
    bool whole = !px_preprocess_crops(&options.pair.preprocess);
    int rc = px_source_find(s->data, px_train_settings_halves(s), &train, &val, err);

    if (!rc)
        rc = px_pairs_open(&run->pairs, &train, &options, err);
    if (rc)
        return rc;
    fprintf(run->out, "The number of training images = %zu (%s)\n", px_pairs_count(run->pairs),
            px_pairs_in_memory(run->pairs) ? "kept in memory" : "decoded again each time");
    px_found_print(run->out, run->pairs, whole);
    if (run->pictures > 1 && (rc = px_pairs_check_one_size(run->pairs, err)) != 0)
        return rc;
    rc = open_measured(run, &train, &val, err);
    if (rc)
        return rc;
    fprintf(run->out, "The number of validation images = %zu%s\n", px_pairs_count(run->measured),
            run->has_val ? "" : " (no val/: the first of training, so no best checkpoint is kept)");
    if (run->has_val)
        px_found_print(run->out, run->measured, whole);
    return 0;
}

/* A batch has no more pictures than there are pairs. */
static int64_t at_most_all(const struct px_run *run, int64_t pictures)
{
    int64_t all = (int64_t)px_pairs_count(run->pairs);

    return pictures < all ? pictures : all;
}

static int create_gan(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    struct px_gan_options options = {
        .network = run->network,
        .ndf = (int)s->ndf,
        .n_layers_D = px_train_settings_n_layers_D(s),
        .batch_size = (int)at_most_all(run, s->batch_size),
        .accumulate = (int)s->accumulate,
        .threads = run->threads,
        .ranks = run->ranks,
        .dtype = px_train_settings_dtype(s),
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
    if (px_train_settings_bf16_helps(s) && !s->continue_train)
        fputs("This CPU computes faster in bf16: --dtype bf16 halves the time of convolutions, and "
              "the "
              "losses follow those of f32\n",
              run->out);
    run->snapshot = (struct px_snapshot){
        .output = &run->output,
        .network = &run->network,
        .schedule = &run->schedule,
        .card = run->card,
        .threads = run->threads,
        .ranks = px_ranks_count(run->ranks),
        .steps_per_epoch = run->steps_per_epoch,
        .first_step = run->first,
        .epoch_count = s->epoch_count,
        .keep_every = s->save_epoch_freq,
        .keep_states = s->keep_states,
    };
    px_snapshot_init(&run->snapshot, s, run->gan, px_pairs_count(run->pairs));
    return 0;
}

static int create_pictures(struct px_run *run, struct px_error *err)
{
    size_t count = px_pairs_count(run->measured);

    run->rows = count < PX_PREVIEW_ROWS ? count : PX_PREVIEW_ROWS;
    int rc = px_validation_create(&run->validation, run->measured, &run->network, run->stop, err);

    return rc ? rc
              : px_preview_create(&run->preview, run->rows, (uint32_t)run->network.crop_size, err);
}

static int resume(struct px_run *run, struct px_error *err)
{
    const struct px_snapshot_place from = {run->settings->epoch, run->end};
    int rc = px_snapshot_resume(&run->snapshot, &from, &run->steps, err);

    if (rc)
        return rc;
    if (run->snapshot.began_threads != run->threads)
        fprintf(run->out,
                "The training so far ran with %d threads, now it is %d: sums round differently, so "
                "the result will not be bit-identical\n",
                run->snapshot.began_threads, run->threads);
    if (run->schedule.early && run->schedule.policy != PX_LR_PLATEAU)
        fputs(
            "The training began with the learning rates of an older version, one epoch early, and "
            "keeps them; --epoch-count with the next epoch's number changes to today's\n",
            run->out);
    if (run->snapshot.lost_best)
        fputs(
            "The best generator so far is of a later epoch; the next epoch begins the count anew\n",
            run->out);
    fprintf(run->out, "Continuing after %" PRId64 " of %" PRId64 " steps (epoch %" PRId64 ")\n",
            run->steps, run->end,
            run->steps < run->end ? run->steps / run->steps_per_epoch + 1
                                  : run->end / run->steps_per_epoch);
    return 0;
}

static int start_history(struct px_run *run, struct px_error *err)
{
    const struct px_history_options options = {
        .loss_log = run->output.loss_log,
        .metrics = run->output.metrics,
        .steps_per_epoch = run->steps_per_epoch,
        .batch_size = run->pictures,
        .print_freq = run->settings->print_freq,
        .validates_again = run->snapshot.pending,
    };
    return px_history_open(&run->history, &options, run->snapshot.saved, err);
}

static int start_tensorboard(struct px_run *run, struct px_error *err)
{
    const char *folder = run->settings->tensorboard;

    if (!folder || !*folder)
        return 0;
    return px_tensorboard_open(&run->board, folder, run->history, run->steps, err);
}

static int start_report(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    int rc = px_thumbs_create(&run->thumbs, run->rows, err);

    if (rc)
        return rc;
    run->report = (struct px_report){
        .settings = s,
        .output = &run->output,
        .network = &run->network,
        .history = run->history,
        .thumbs = run->thumbs,
        .parameters_G = px_gan_parameters_G(run->gan),
        .parameters_D = px_gan_parameters_D(run->gan),
        .pairs = px_pairs_count(run->pairs),
        .val_pairs = px_pairs_count(run->measured),
        .has_val = run->has_val,
        .threads = run->threads,
        .epochs = s->n_epochs + s->n_epochs_decay,
        .end = run->end,
    };
    if (!s->continue_train)
        return 0;
    return px_report_resume(&run->report, run->snapshot.saved / run->steps_per_epoch, err);
}

static int start_feed(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    struct px_preprocess preprocess;
    px_train_settings_preprocess(s, &run->network, &preprocess);
    struct px_feed_options options = {
        .pairs = run->pairs,
        .crop_size = px_preprocess_crops(&preprocess) ? (uint32_t)s->crop_size : 0,
        .input_nc = (uint32_t)s->input_nc,
        .output_nc = (uint32_t)s->output_nc,
        .batch_size = (uint32_t)at_most_all(run, run->pictures),
        .rank = (uint32_t)px_ranks_index(run->ranks),
        .ranks = (uint32_t)px_ranks_count(run->ranks),
        .flip = !s->no_flip,
        .serial = s->serial_batches,
        .threads = s->num_threads > 0 ? (int)s->num_threads : 1,
        .seed = s->seed,
        .first_step = run->steps,
        .end_step = run->end,
    };
    return px_feed_create(&run->feed, &options, err);
}

/* A dry run leaves no trace. */
static int prepare_output(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;

    if (s->dry_run)
        return px_output_check(&run->output, s->out, s->continue_train, err);
    int rc = px_output_open(&run->output, s->out, s->continue_train, err);
    if (!rc && run->output.made_folder)
        fprintf(run->out, "Created the folder of --out %s\n", s->out);
    return rc;
}

/* Takes the weights that --init and --init-D name. */
static int start_from_files(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    int rc = 0;

    if (s->init && *s->init)
        rc = px_finetune_load(run->gan, &run->network, s->init, run->card, err);
    if (!rc && s->init_D && *s->init_D)
        rc = px_finetune_load_D(run->gan, s->init_D, err);
    return rc;
}

bool px_run_leads(const struct px_run *run)
{
    return px_ranks_index(run->ranks) == 0;
}

/* What can be refused by each rank for itself. */
static int check_own(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    int rc;

    if ((rc = px_train_settings_check(s, err)) != 0 ||
        (rc = px_train_settings_network(s, &run->network, err)) != 0 ||
        (rc = px_train_settings_card(s, &run->card, err)) != 0)
        return rc;
    if (px_run_leads(run) && (rc = prepare_output(run, err)) != 0)
        return rc;
    if ((rc = open_pairs(run, err)) != 0)
        return rc;
    run->steps_per_epoch = ((int64_t)px_pairs_count(run->pairs) - 1) / run->pictures + 1;
    run->first = run->steps_per_epoch * (s->epoch_count - 1);
    run->end = run->steps_per_epoch * (s->n_epochs + s->n_epochs_decay);
    run->steps = run->first;
    return create_gan(run, err);
}

/* A continued training, or given weights, from the files that rank 0 has. */
static int fill_weights(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;

    if (!px_run_leads(run))
        return 0;
    int rc = create_pictures(run, err);
    if (rc)
        return rc;
    return s->continue_train && !s->dry_run ? resume(run, err) : start_from_files(run, err);
}

/* What the others must know of it. */
static void share_weights(struct px_run *run)
{
    const struct px_tensor *tensors;
    size_t count = px_gan_tensors(run->gan, &tensors);

    for (size_t i = 0; run->ranks && i < count; i++)
        px_ranks_share(run->ranks, (void *)tensors[i].data, tensors[i].bytes);
    px_ranks_share(run->ranks, &run->steps, sizeof run->steps);
    px_ranks_share(run->ranks, &run->schedule, sizeof run->schedule);
    px_ranks_share(run->ranks, &run->snapshot.pending, sizeof run->snapshot.pending);
}

static int start_reports(struct px_run *run, struct px_error *err)
{
    int rc;

    if (!px_run_leads(run) || run->settings->dry_run)
        return 0;
    if ((rc = start_history(run, err)) != 0 || (rc = start_tensorboard(run, err)) != 0)
        return rc;
    return start_report(run, err);
}

int px_run_init(struct px_run *run, struct px_error *err)
{
    const struct px_train_settings *s = run->settings;
    int rc;

    run->threads = s->threads > 0 ? (int)s->threads : px_cpu_count();
    run->pictures = px_train_settings_pictures(s) * px_ranks_count(run->ranks);
    run->schedule = (struct px_schedule){
        .policy = (enum px_lr_policy)s->lr_policy,
        .lr = s->lr,
        .n_epochs = s->n_epochs,
        .n_epochs_decay = s->n_epochs_decay,
        .decay_epochs = s->lr_decay_iters,
    };
    if ((rc = px_together_done(run->ranks, check_own(run, err), err)) != 0 ||
        (rc = px_together_check(run->ranks, run->settings, run->pairs, err)) != 0 ||
        (rc = px_together_done(run->ranks, fill_weights(run, err), err)) != 0 ||
        (rc = px_together_check_layouts(run->ranks, px_gan_layouts(run->gan), err)) != 0)
        return rc;
    share_weights(run);
    rc = start_feed(run, err);
    if (!rc)
        rc = start_reports(run, err);
    return px_together_done(run->ranks, rc, err);
}

int px_run_step(struct px_run *run, struct px_history_step *done, struct px_error *err)
{
    struct px_train_batch batch;
    int64_t begin = px_now_ns();
    int rc = px_feed_next(run->feed, &batch, err);

    if (rc)
        return rc;
    done->data = px_ms_since(begin) * 1e-3;
    begin = px_now_ns();
    rc = px_gan_step(run->gan, &batch, done->lr, &done->losses, err);
    done->compute = px_ms_since(begin) * 1e-3;
    done->images = batch.count;
    return rc;
}

void px_run_clear(struct px_run *run)
{
    px_feed_destroy(run->feed);
    px_thumbs_destroy(run->thumbs);
    px_tensorboard_close(run->board);
    px_history_close(run->history);
    px_preview_destroy(run->preview);
    px_validation_destroy(run->validation);
    px_gan_destroy(run->gan);
    px_pairs_close(run->measured);
    px_pairs_close(run->pairs);
    px_card_destroy(run->card);
    px_output_close(&run->output);
}
