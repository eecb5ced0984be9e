#ifndef TRAINER_REPORT_REPORT_H
#define TRAINER_REPORT_REPORT_H

/* NAME.report.html: how a training goes, in one file that needs no other and no network: where it
 * stands, curves of losses and validation, the fixed pairs now and over the epochs, options,
 * machine. Well under 3 MB however long the training is. A browser that has it open reloads it
 * every minute until the training is complete. One thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/network/network.h"
#include "trainer/report/history.h"
#include "trainer/report/thumbs.h"
#include "trainer/save/output.h"
#include "trainer/settings/settings.h"

struct px_report {
    const struct px_train_settings *settings; /* borrowed, as all pointers */
    const struct px_output *output;
    const struct px_network *network;
    const struct px_history *history;
    struct px_thumbs *thumbs;
    size_t parameters_G, parameters_D;
    size_t pairs, val_pairs;
    bool has_val;
    int threads;
    int64_t epochs, end;     /* of the whole training; end: steps */
    double seconds_per_step; /* recent average, including I/O; 0: not known yet */
};

/* Reads the pictures of the epochs up to `epoch` that an earlier run left, into the thumbs; those
 * that are missing are left out of the report. */
int px_report_resume(const struct px_report *report, int64_t epoch, struct px_error *err);

/* Rewrites the file, atomically, after an epoch whose picture is `sheet`. */
int px_report_write(const struct px_report *report, int64_t epoch, const struct px_image *sheet,
                    struct px_error *err);

#endif
