#ifndef MODEL_INT8_CALIBRATE_H
#define MODEL_INT8_CALIBRATE_H

/* Which layers of a checkpoint become int8, and with which input scales, from pictures like those
 * that the network will be given.
 *
 * Everything is measured in f32 (model/int8/emulate.h), so it needs no CPU with int8, as PSNR of
 * the 8-bit answers against the answers in f32, the mean over those pictures that are answered
 * differently at all (INFINITY without any):
 *   1. All pictures run through the network, without dropout and, if it has some, with it: this
 *      gives the ranges of what the layers read (model/int8/ranges.h).
 *   2. Each layer that can be int8 (px_algorithm_has_int8()) is tried alone, on the first few
 *      pictures: how much harm it does.
 *   3. All those at once. While the mean is below the goal, the most harmful one left goes back to
 *      bf16. */

#include "base/error.h"
#include "model/engine/engine.h"

struct px_calibration_options {
    const struct px_checkpoint *checkpoint; /* without int8 weights */
    enum px_norm_mode norm;
    const uint8_t *const *pictures; /* input_nc channels, height x width each */
    int count, height, width;       /* count >= 1; sides as in px_batch */
    int threads;                    /* 0: all CPUs of the process's mask */
    double min_psnr;                /* dB: the goal */
    /* Called after every picture: `done` of the `count` of this step. Not 0: calibration stops and
     * fails with that. */
    int (*progress)(void *context, const char *step, int done, int count, struct px_error *err);
    void *context;
};

struct px_calibration {
    struct px_int8_choice choice; /* at least one layer; its scales belong to this struct */
    double alone[PX_MAX_LAYERS];  /* dB with only that layer int8 (INFINITY: no difference); NAN
                                     if the layer cannot be */
    double psnr;                  /* dB with all chosen ones */
    float *scales[PX_MAX_LAYERS]; /* owned */
};

/* INVALID if the checkpoint has int8 weights already or no running statistics for `norm`,
 * UNPROCESSABLE if no layer can be int8 within the goal; else as px_engine_run(). On failure *out
 * needs no px_calibration_clear(). */
int px_calibrate(struct px_calibration *out, const struct px_calibration_options *options,
                 struct px_error *err);
void px_calibration_clear(struct px_calibration *calibration);

#endif
