#ifndef TRAINER_LISTING_H
#define TRAINER_LISTING_H

/* Which files make up the pairs of a folder. Either each file of the folder holds A and B side by
 * side, or the folder holds two folders, A and B, and a pair is one file of each with the same name
 * (suffixes may differ: A/7.png and B/7.jpg). */

#include <stddef.h>

#include "base/error.h"

struct px_listing {
    size_t count;
    char **a; /* names in their order, in the folder (or its A); one block, owned */
    char **b; /* likewise in its B; NULL where each file holds both */
};

/* NOT_FOUND where the folder is missing or holds no pair, USAGE where a file has no partner (it is
 * named) or where there are both pictures and A/ and B/. */
int px_listing_read(struct px_listing *listing, const char *folder, struct px_error *err);
void px_listing_finish(struct px_listing *listing); /* accepts a zeroed one */

#endif
