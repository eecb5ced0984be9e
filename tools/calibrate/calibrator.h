#ifndef TOOLS_CALIBRATE_CALIBRATOR_H
#define TOOLS_CALIBRATE_CALIBRATOR_H

/* What `convert --calibrate` does apart from writing files: chooses the layers that become int8,
 * and measures how far a converted file's answers are from f32's. Prints on standard output,
 * progress on standard error. One thread at a time. */

#include "model/engine/engine.h"
#include "tools/work/stop.h"

struct px_calibrator;

struct px_calibrator_options {
    const char *folder; /* tools/calibrate/calibration_set.h */
    int count;          /* pictures of it, at most */
    double min_psnr;    /* dB: the goal for int8 */
    enum px_norm_mode norm;
    const struct px_stop *stop; /* borrowed */
};

/* Reads the pictures. `checkpoint` must outlive the calibrator: its answers in f32
 * are the ones that others are compared with. Failures: as px_calibration_set_read(). */
int px_calibrator_create(struct px_calibrator **out, const struct px_checkpoint *checkpoint,
                         const struct px_calibrator_options *options, struct px_error *err);
void px_calibrator_destroy(struct px_calibrator *calibrator); /* accepts NULL */

/* The checkpoint with int8 layers chosen as in model/int8/calibrate.h; prints how many, and which
 * could have become int8 but did not. */
int px_calibrator_quantise(struct px_calibrator *calibrator, struct px_checkpoint **out,
                           struct px_error *err);

/* Prints PSNR and SSIM of the answers of the file at `path`, computed in the type that its weights
 * are stored in if this CPU can compute in it, else in f32 (int8 emulated). */
int px_calibrator_measure(struct px_calibrator *calibrator, const char *path, struct px_error *err);

#endif
