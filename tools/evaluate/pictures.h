#ifndef TOOLS_EVALUATE_PICTURES_H
#define TOOLS_EVALUATE_PICTURES_H

/* The pictures of a data set: pairs, in files with A and B side by side or in two folders, or
 * single pictures without a target. One thread at a time. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "codecs/image.h"
#include "model/network/network.h"
#include "pairs/names.h"
#include "pairs/source.h"

struct px_pictures_list {
    struct px_source source;
    struct px_names names;
};

/* The pictures of the phase `phase` or, if that is "", of DIR itself, wherever px_source_of() finds
 * them, in folders below, too. NOT_FOUND if there are none, with the phases that are there; USAGE
 * if one of two folders or one of a pair is missing. */
int px_pictures_open(struct px_pictures_list *list, const char *dir, const char *phase,
                     struct px_error *err);
void px_pictures_close(struct px_pictures_list *list); /* accepts a zeroed one */

size_t px_pictures_count(const struct px_pictures_list *list);

/* What follows the folder: "0001.png", "x/0001.png". */
const char *px_pictures_name(const struct px_pictures_list *list, size_t index);

/* The file that holds A, or B. */
int px_pictures_path(const struct px_pictures_list *list, size_t index, bool is_b,
                     char path[static PX_PATH_MAX], struct px_error *err);

/* One picture as a network of that kind reads it. */
struct px_example {
    struct px_image input;  /* input_nc channels, as stored */
    struct px_image target; /* output_nc channels; empty (data NULL) for a single picture */
};

/* In one folder, whether a picture is a pair is decided by its shape: twice as wide as high.
 * `right`: the input is B. The caller clears both pictures; on failure there are none.
 * UNPROCESSABLE if the files of a pair differ in size. */
int px_example_load(struct px_example *example, const struct px_pictures_list *list, size_t index,
                    const struct px_network *network, bool right, struct px_error *err);
void px_example_clear(struct px_example *example);

#endif
