#ifndef TRAINER_DATA_PARTS_TREE_H
#define TRAINER_DATA_PARTS_TREE_H

/* The pictures of a folder and of the folders below it, as the reference walks them (os.walk). */

#include <stddef.h>

#include "base/error.h"

/* Folders may lie so deep in each other: USAGE where they lie deeper. */
enum { PX_TREE_DEPTH = 16 };

/* The sorted (strcmp) names, relative to `path`, of the files in it and below that are pictures by
 * their names (px_source_suffixes). Left out is what starts with '.', links to folders, the
 * pictures that a training has written (NAME.pictures beside NAME.metrics.jsonl), and below `path`
 * itself the folders named in the NULL-terminated `skip` (NULL: none are). *names is one malloc'ed
 * block, as that of px_list_folder(). */
int px_tree_list(const char *path, const char *const *skip, char ***names, size_t *count,
                 struct px_error *err);

#endif
