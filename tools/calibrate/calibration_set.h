#ifndef TOOLS_CALIBRATE_CALIBRATION_SET_H
#define TOOLS_CALIBRATE_CALIBRATION_SET_H

/* Pictures for calibration, read from a folder: like those that the network will be given. Plain
 * data, all in memory.
 *
 * The folder holds PNG and JPEG files; if it has none, its sub-folder train/ is used. If all of
 * them are twice as wide as high, they are training pairs A|B, and the network's input half counts.
 * Each is scaled to the square of the training size, as `translate` does by default. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codecs/image.h"
#include "model/network/network.h"
#include "tools/work/stop.h"

struct px_calibration_set {
    uint8_t **pictures; /* side x side, input_nc channels each */
    struct px_image *images;
    int count, side;
    bool pairs; /* halves were taken */
};

/* Where a set comes from; everything is borrowed. */
struct px_calibration_source {
    const char *folder;
    const struct px_network *network;
    int count; /* pictures at most; if there are more, spread evenly over the names */
    const struct px_stop *stop; /* asked before each picture */
};

/* Lists pictures that cannot be read on standard error and leaves them out. NOT_FOUND if the folder
 * or pictures in it are missing, FORMAT if the network does not take pictures, UNPROCESSABLE if no
 * picture can be used, NOMEM, INTERRUPTED. */
int px_calibration_set_read(struct px_calibration_set *set,
                            const struct px_calibration_source *source, struct px_error *err);
void px_calibration_set_clear(struct px_calibration_set *set); /* accepts a zeroed one */

#endif
