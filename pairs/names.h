#ifndef PAIRS_NAMES_H
#define PAIRS_NAMES_H

/* Which files make up the pairs of a data set, in its folders and those below them, as the
 * reference walks them (os.walk). Either each file of a folder holds A and B side by side, or there
 * are two folders, and a pair is one file of each with the same name from there on (suffixes may
 * differ: A/x/7.png and B/x/7.jpg).
 *
 * Files are taken for pictures by their names: .png, .jpg and .jpeg, in any case. Whatever begins
 * with '.' is ignored, and so are the pictures that a training has written (NAME.pictures beside
 * NAME.metrics.jsonl) and, at the root of a data set, the folders of its other uses (train, val,
 * test). Links to files count; links to folders are not followed, since they could lead in circles.
 */

#include <stddef.h>

#include "base/error.h"
#include "pairs/source.h"

enum { PX_NAMES_DEPTH = 16 }; /* folders within each other; USAGE beyond it */

/* Sorted (strcmp); one malloc'ed block. */
struct px_name_list {
    char **names;
    size_t count;
};

struct px_names {
    struct px_name_list a;      /* relative to source.a */
    struct px_name_list b;      /* in source.b, one for each of a; empty if a file holds both */
    struct px_name_list others; /* paths of pictures left out: neither PNG nor JPEG */
    struct px_name_list links;  /* paths of linked folders, which are not followed */
};

/* NOT_FOUND if a folder is missing or holds no pair, USAGE if a file has no partner (it is named).
 */
int px_names_read(struct px_names *names, const struct px_source *source, struct px_error *err);
void px_names_clear(struct px_names *names); /* accepts a zeroed one */

#endif
