#ifndef MODEL_FORMATS_MAP_H
#define MODEL_FORMATS_MAP_H

/* A whole file, mapped for reading. Overwriting a mapped file in place (as cp does) invalidates its
 * pages, and reading them may end in a signal; renaming a new file over it does not. Call
 * px_map_check() before reading long after px_map_open(), to get an error instead. */

#include <stddef.h>
#include <time.h>

#include "base/error.h"

struct px_map {
    void *data; /* NULL if the file is empty */
    size_t size;
    int fd; /* of the mapped file unless data is NULL */
    struct timespec changed;
};

/* Maps a regular file. Failures: NOT_FOUND, IO, NOMEM; the message begins with the path. */
int px_map_open(struct px_map *map, const char *path, struct px_error *err);
/* IO if the file was modified since it was mapped. */
int px_map_check(const struct px_map *map, struct px_error *err);

/* Returns the pages read so far to the system; reading them again brings them back. */
void px_map_forget(const struct px_map *map);
void px_map_close(struct px_map *map); /* accepts an all-zero and an already closed one */

#endif
