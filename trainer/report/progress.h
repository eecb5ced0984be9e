#ifndef TRAINER_REPORT_PROGRESS_H
#define TRAINER_REPORT_PROGRESS_H

/* What a person sees while it trains: on a terminal one line that is drawn over and over (bar,
 * losses, speed, time left), elsewhere a plain line every print_freq images. Losses are smoothed
 * over about the last hundred steps. One thread. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "trainer/nn/gan.h"
#include "trainer/report/history.h"

struct px_progress {
    FILE *out;
    bool terminal; /* draw over one line */
    int64_t epochs, steps_per_epoch, batch_size;
    int64_t pairs;                /* of an epoch */
    int64_t print_freq;           /* images between plain lines */
    int64_t first_step;           /* of this run, for the speed */
    int64_t start_ns, drawn_ns;   /* px_now_ns() at start and at the last drawing */
    struct px_gan_losses average; /* not yet divided by `weight` */
    float weight;
    bool on_screen; /* an unfinished line is on the terminal */
};

/* Sets start_ns and what follows; the caller has filled what stands before. */
void px_progress_init(struct px_progress *progress);

/* After a step; steps: all that were taken so far, this one included. */
void px_progress_step(struct px_progress *progress, int64_t steps,
                      const struct px_gan_losses *losses);

/* A lasting line at the end of an epoch that had the learning rate lr; without losses if this run
 * has taken no step. */
void px_progress_epoch(struct px_progress *progress, const struct px_history_epoch *epoch,
                       double lr);

/* Wipes the unfinished line, so that other text can be written. */
void px_progress_clear(struct px_progress *progress);

/* "3 h 12 min", "4 min 10 s", "12 s". */
void px_progress_duration(double seconds, char *out, size_t room);

#endif
