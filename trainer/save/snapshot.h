#ifndef TRAINER_SAVE_SNAPSHOT_H
#define TRAINER_SAVE_SNAPSHOT_H

/* What a training leaves on disk to be served and to be continued: the latest generator, the best
 * one and the state, with the options that made them. One thread.
 *
 * The order of writing makes every moment safe: first the best generator, then the state that knows
 * of it, then the latest generator. Whatever is lost after the state, px_snapshot_resume() writes
 * again; whatever is lost before it, the continued training computes again to the same bytes. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/network/network.h"
#include "trainer/nn/gan.h"
#include "trainer/save/output.h"
#include "trainer/save/state.h"
#include "trainer/settings/schedule.h"
#include "trainer/settings/settings.h"
#include "trainer/settings/settings_text.h"

struct px_snapshot {
    const struct px_output *output;   /* borrowed */
    const struct px_network *network; /* borrowed */
    struct px_schedule *schedule;     /* borrowed; plateau's progress is saved */
    struct px_card *card;             /* borrowed; filled from the state that is continued */
    int threads;
    int ranks; /* that train together */
    int64_t steps_per_epoch;
    int64_t first_step;  /* the place in the schedule where the gan had taken no step yet */
    int64_t epoch_count; /* the option; noted in the files */
    int64_t keep_every;  /* epochs between generators that are kept in NAME.epochs/; 0: none is */
    int64_t keep_states; /* how many of the last kept epochs keep their state, too */
    int64_t validated;   /* the last epoch whose validation is done; set by the caller */
    int64_t saved;       /* steps that the files on disk know */
    int64_t best_epoch;  /* 0: none yet */
    double best_l1;
    int began_threads; /* those of the run that was continued; else `threads` */
    bool pending;      /* resumed after an epoch's last step, before its validation */
    bool lost_best;    /* went back behind the best epoch, whose generator is left behind */
    struct px_train_settings_text text;
    struct px_metadata
        options[PX_SETTINGS_MAX + 3]; /* of text, then "pairs", "steps_per_epoch", "ranks" */
    char pairs_text[24], steps_text[24], ranks_text[24];
    struct px_note notes[8];
    struct px_state state;
    const struct px_tensor *generator;
    size_t generator_count;
};

/* Fills what follows `keep_states`. `steps` below are places in the schedule. The gan must outlive
 * the snapshot, which must not move. */
void px_snapshot_init(struct px_snapshot *snapshot, const struct px_train_settings *settings,
                      const struct px_gan *gan, size_t pairs);

/* State and latest generator, after `steps` steps. */
int px_snapshot_save(struct px_snapshot *snapshot, int64_t steps, struct px_error *err);

/* After an epoch: keeps a copy of the generator, and of the state, in NAME.epochs/ if it is due. */
int px_snapshot_keep(struct px_snapshot *snapshot, int64_t steps, struct px_error *err);

/* If l1 is lower than that of all epochs before, makes this generator the best one (*best true), to
 * be followed by px_snapshot_save(). INTERNAL if its weights are not finite. */
int px_snapshot_offer(struct px_snapshot *snapshot, int64_t steps, double l1, bool *best,
                      struct px_error *err);

struct px_snapshot_place {
    int64_t epoch; /* whose kept state to go back to; 0: NAME.state */
    int64_t end;   /* steps of the whole training */
};

/* Reads a state into the gan, gives the next step and writes the latest generator from it (after
 * going back, NAME.state too). NOT_FOUND if the state of the epoch was not kept. An epoch_count
 * that is neither 1 nor that of the state is the number of the next epoch: USAGE if the state is
 * beyond it; otherwise the options of the schedule may have changed, and if it is not the epoch
 * that the state is in, it begins with its first step. */
int px_snapshot_resume(struct px_snapshot *snapshot, const struct px_snapshot_place *from,
                       int64_t *steps, struct px_error *err);

#endif
