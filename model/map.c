#include "model/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_file(struct px_map *map, int fd, struct px_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return px_fail(err, PX_E_IO, "not a regular file");
    map->size = (size_t)st.st_size;
    if (map->size == 0)
        return 0;
    map->data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map->data != MAP_FAILED)
        return 0;
    map->data = NULL;
    return px_fail(err, errno == ENOMEM ? PX_E_NOMEM : PX_E_IO, "cannot map %zu bytes: %s",
                   map->size, strerror(errno));
}

int px_map_open(struct px_map *map, const char *path, struct px_error *err)
{
    /* O_NONBLOCK: a FIFO in a models folder must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *map = (struct px_map){0};
    if (fd < 0)
        return px_fail(err, errno == ENOENT ? PX_E_NOT_FOUND : PX_E_IO, "%s: cannot open: %s", path,
                       strerror(errno));
    int rc = map_file(map, fd, err);
    close(fd);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

void px_map_forget(const struct px_map *map)
{
    if (map->data)
        madvise(map->data, map->size, MADV_DONTNEED); /* never written: nothing is lost */
}

void px_map_close(struct px_map *map)
{
    if (map->data)
        munmap(map->data, map->size);
    *map = (struct px_map){0};
}
