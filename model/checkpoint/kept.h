#ifndef MODEL_CHECKPOINT_KEPT_H
#define MODEL_CHECKPOINT_KEPT_H

/* Where the files lie that a training keeps of some epochs: for NAME.safetensors
 * NAME.epochs/NAME_NNN with a suffix. Only names; no file is touched. */

#include <stdint.h>

#include "base/error.h"
#include "base/path.h"

int px_kept_folder(char path[static PX_PATH_MAX], const char *checkpoint, struct px_error *err);

int px_kept_path(char path[static PX_PATH_MAX], const char *checkpoint, int64_t epoch,
                 const char *suffix, struct px_error *err);

/* The epoch of a file in that folder, or 0 if it is not of this checkpoint or has another suffix.
 */
int64_t px_kept_epoch(const char *checkpoint, const char *file, const char *suffix);

#endif
