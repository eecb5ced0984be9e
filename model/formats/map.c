#include "model/formats/map.h"

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
    map->changed = st.st_mtim;
    map->data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map->data != MAP_FAILED) {
        map->fd = fd;
        return 0;
    }
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
    if (!map->data)
        close(fd);
    if (rc)
        px_error_prefix(err, path);
    return rc;
}

int px_map_check(const struct px_map *map, struct px_error *err)
{
    struct stat st;

    if (!map->data)
        return 0;
    if (fstat(map->fd, &st) != 0)
        return px_fail(err, PX_E_IO, "cannot look at a mapped file: %s", strerror(errno));
    if ((size_t)st.st_size == map->size && st.st_mtim.tv_sec == map->changed.tv_sec &&
        st.st_mtim.tv_nsec == map->changed.tv_nsec)
        return 0;
    return px_fail(err, PX_E_IO,
                   "the file was written to while in use: load it again, and replace files by "
                   "renaming new ones into place");
}

void px_map_forget(const struct px_map *map)
{
    if (map->data)
        madvise(map->data, map->size, MADV_DONTNEED); /* never written: nothing is lost */
}

void px_map_close(struct px_map *map)
{
    if (map->data) {
        munmap(map->data, map->size);
        close(map->fd);
    }
    *map = (struct px_map){0};
}
