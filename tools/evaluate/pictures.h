#ifndef TOOLS_EVALUATE_PICTURES_H
#define TOOLS_EVALUATE_PICTURES_H

/* The pictures of a data set: pairs A|B side by side, or single pictures without a target. One
 * thread at a time. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/path.h"
#include "codecs/image.h"
#include "model/network/network.h"

struct px_pictures_list {
    char folder[PX_PATH_MAX];
    char **names; /* sorted; owned */
    size_t count;
};

/* The PNGs and JPEGs of DIR/PHASE or, if phase is "" , of DIR itself. NOT_FOUND if there are none;
 * the message names the phases that are there. */
int px_pictures_open(struct px_pictures_list *list, const char *dir, const char *phase,
                     struct px_error *err);
void px_pictures_close(struct px_pictures_list *list); /* accepts a zeroed one */

/* One picture as a network of that kind reads it. */
struct px_example {
    struct px_image input;  /* input_nc channels, as stored */
    struct px_image target; /* output_nc channels; empty (data NULL) for a single picture */
};

/* Whether a picture is a pair is decided by its shape: twice as wide as high. `right`: the input is
 * the right half. The caller destroys both pictures; on failure there are none. */
int px_example_load(struct px_example *example, const struct px_pictures_list *list, size_t index,
                    const struct px_network *network, bool right, struct px_error *err);
void px_example_clear(struct px_example *example);

#endif
