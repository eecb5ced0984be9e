#ifndef TRAINER_RUN_H
#define TRAINER_RUN_H

/* Everything that a training holds while it runs, made ready from its settings (private to train.c
 * and dry_run.c). Whatever can be refused is refused here, before the first step. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "trainer/data/feed.h"
#include "trainer/data/pairs.h"
#include "trainer/nn/gan.h"
#include "trainer/ranks/ranks.h"
#include "trainer/report/history.h"
#include "trainer/report/preview.h"
#include "trainer/report/progress.h"
#include "trainer/report/report.h"
#include "trainer/report/tensorboard.h"
#include "trainer/save/output.h"
#include "trainer/save/snapshot.h"
#include "trainer/settings/schedule.h"
#include "trainer/settings/settings.h"
#include "trainer/step_times.h"
#include "trainer/validate.h"

struct px_run {
    const struct px_train_settings *settings;
    struct px_ranks *ranks; /* borrowed; NULL: one. Rank 0 writes, measures and reports */
    int64_t pictures;       /* a step takes, on all ranks together */
    const atomic_int *stop;
    int signal; /* that ended the training, the largest of all ranks' */
    FILE *out;
    struct px_output output;
    struct px_network network;
    struct px_card *card;
    struct px_snapshot snapshot;
    struct px_history *history;
    struct px_tensorboard *board; /* or NULL */
    struct px_thumbs *thumbs;
    struct px_report report;
    struct px_schedule schedule;
    struct px_progress progress;
    struct px_step_times profile;
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
    bool diverged;                       /* the losses of a step were not finite */
};

/* The caller has filled settings, ranks, stop and out and zeroed the rest. All ranks fail together.
 * On failure too, px_run_clear() is to be called. */
int px_run_init(struct px_run *run, struct px_error *err);

/* Whether this is the rank that writes, measures and reports. */
bool px_run_leads(const struct px_run *run);

void px_run_clear(struct px_run *run);

/* Takes the next batch and makes a training step with it. The caller has set done->lr; the losses,
 * the number of images and the times are filled in. run->steps does not change. */
int px_run_step(struct px_run *run, struct px_history_step *done, struct px_error *err);

#endif
