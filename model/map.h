#ifndef MODEL_MAP_H
#define MODEL_MAP_H

/* A whole file, mapped for reading. */

#include <stddef.h>

#include "base/error.h"

struct px_map {
    void *data; /* NULL where the file is empty */
    size_t size;
};

/* Maps a regular file. Failures: NOT_FOUND, IO, NOMEM; the message begins with the path. */
int px_map_open(struct px_map *map, const char *path, struct px_error *err);
/* Gives the pages read so far back to the system; reading again brings them back. */
void px_map_forget(const struct px_map *map);
void px_map_close(struct px_map *map); /* accepts an all-zero and an already closed one */

#endif
