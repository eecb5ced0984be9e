#ifndef TRAINER_DATA_PARTS_LISTING_H
#define TRAINER_DATA_PARTS_LISTING_H

/* Which files make up the pairs of a data set, in its folders and those below them
 * (trainer/data/parts/tree.h). Either each file of a folder holds A and B side by side, or there
 * are two folders, and a pair is one file of each with the same name from there on (suffixes may
 * differ: A/x/7.png and B/x/7.jpg). */

#include <stddef.h>

#include "base/error.h"
#include "trainer/data/source.h"

struct px_listing {
    size_t count;
    char **a; /* names in their order, in source.a; one block, owned */
    char **b; /* likewise in source.b; NULL where each file holds both */
};

/* NOT_FOUND where a folder is missing or holds no pair, USAGE where a file has no partner (it is
 * named). */
int px_listing_read(struct px_listing *listing, const struct px_source *source,
                    struct px_error *err);
void px_listing_finish(struct px_listing *listing); /* accepts a zeroed one */

#endif
