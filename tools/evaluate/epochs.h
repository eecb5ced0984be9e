#ifndef TOOLS_EVALUATE_EPOCHS_H
#define TOOLS_EVALUATE_EPOCHS_H

/* The kept generators of a training: --epoch N,M of NAME.safetensors is NAME.epochs/NAME_NNN. */

#include <stddef.h>

#include "base/error.h"
#include "base/path.h"

enum { PX_EPOCHS_MAX = 8 };

struct px_epochs {
    char paths[PX_EPOCHS_MAX][PX_PATH_MAX];
    size_t count;
};

/* `list`: numbers of epochs and "latest", the model itself, with commas between; as in the list,
 * in its order. USAGE for anything else, an epoch twice, or too many; NOT_FOUND for an epoch that
 * was not kept, with those that were. */
int px_epochs_find(struct px_epochs *epochs, const char *model, const char *list,
                   struct px_error *err);

#endif
