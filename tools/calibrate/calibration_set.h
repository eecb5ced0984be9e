#ifndef TOOLS_CALIBRATE_CALIBRATION_SET_H
#define TOOLS_CALIBRATE_CALIBRATION_SET_H

/* Pictures for calibration: what a network will be given, from a folder. Plain data, all in memory.
 *
 * The folder holds PNG and JPEG files; where it has none, but a folder train/ that has, those of a
 * training set. If every one that is read is twice as wide as high, they are training pairs A|B,
 * and the half that the network takes by its direction counts. Each is scaled as `translate` does
 * by default, to the square of the training size. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"
#include "model/network/network.h"

struct px_calibration_set {
    uint8_t **pictures; /* side x side, input_nc channels each */
    struct px_image *images;
    int count, side;
    bool pairs; /* halves were taken */
};

/* Reads `most` pictures, evenly over the names in order, or all where there are fewer. What cannot
 * be read is listed on standard error and left out. Failures: NOT_FOUND where there is no folder or
 * no picture in it, UNPROCESSABLE where none can be used or the network does not take pictures,
 * NOMEM, INTERRUPTED. */
int px_calibration_set_read(struct px_calibration_set *set, const char *folder,
                            const struct px_network *network, int most, struct px_error *err);
void px_calibration_set_destroy(struct px_calibration_set *set); /* accepts a zeroed one */

#endif
