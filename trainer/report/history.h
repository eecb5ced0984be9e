#ifndef TRAINER_REPORT_HISTORY_H
#define TRAINER_REPORT_HISTORY_H

/* The losses and validations of a training, in memory for the report and appended to two files:
 *
 * NAME.loss_log.txt, as pytorch-CycleGAN-and-pix2pix writes it: a header for every start, then
 * every print_freq images `(epoch: E, iters: I, time: T, data: D) G_GAN: .. G_L1: .. D_real: ..
 * D_fake: .. ` with that step's losses, the images of the epoch so far, and the seconds that a
 * picture took to compute and to wait for. As there, every step counts for batch_size images, the
 * smaller one at the end of an epoch, too.
 *
 * NAME.metrics.jsonl: a JSON object a line. Every print_freq images and at the end of an epoch
 * "epoch", "step", "lr", the losses' means over the last "over" steps, "seconds_per_image",
 * "data_seconds_per_image" and "time" (UTC); after an epoch "epoch", "step", "val_L1", "val_PSNR",
 * "val_SSIM", "val_pairs", "best", "epoch_seconds" and "time".
 *
 * A resumed training cuts off what lies after the step from which it goes on. One thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/quality.h"
#include "trainer/nn/gan.h"

struct px_history_losses { /* means over the steps that end with `step` */
    int64_t step;
    double lr;
    struct px_gan_losses mean;
};

struct px_history_epoch {
    int64_t epoch, step;
    struct px_quality quality;
    size_t pairs; /* that it was measured on */
    bool best;
    double seconds; /* the epoch took (in this run) */
};

struct px_history;

struct px_history_options {
    const char *loss_log, *metrics; /* paths; borrowed until px_history_close() */
    int64_t steps_per_epoch, batch_size, print_freq;
    bool validates_again; /* the epoch that ends with `step` is about to be validated: a line of an
                             earlier validation, which was cut short before it was saved, goes */
};

struct px_history_step {
    int64_t step; /* all that were taken, this one included */
    double lr;
    struct px_gan_losses losses;
    int64_t images;       /* that it took */
    double compute, data; /* seconds spent computing, and waiting for the batch */
};

/* After `step` steps. 0 begins new files; otherwise what they hold up to that step is read, and the
 * rest cut off. IO if a file cannot be read or written. */
int px_history_open(struct px_history **out, const struct px_history_options *options, int64_t step,
                    struct px_error *err);
void px_history_close(struct px_history *history); /* accepts NULL */

int px_history_add_step(struct px_history *history, const struct px_history_step *step,
                        struct px_error *err);
int px_history_add_epoch(struct px_history *history, const struct px_history_epoch *epoch,
                         struct px_error *err);

/* All that was added or read, in its order. Valid until the next addition. */
const struct px_history_losses *px_history_all_losses(const struct px_history *history,
                                                      size_t *count);
const struct px_history_epoch *px_history_all_epochs(const struct px_history *history,
                                                     size_t *count);

int64_t px_history_steps_per_epoch(const struct px_history *history);

#endif
