#include "model/formats/map.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

int px_map_open(struct px_map *map, const char *path, struct px_error *err)
{
    struct stat st;
    int fd;
    int rc = px_file_open_regular(path, &fd, &st, err);

    *map = (struct px_map){0};
    if (rc)
        return rc;
    map->size = (size_t)st.st_size;
    map->changed = st.st_mtim;
    map->fd = fd;
    if (map->size == 0) {
        close(fd);
        return 0;
    }
    map->data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map->data != MAP_FAILED)
        return 0;
    rc = px_fail(err, errno == ENOMEM ? PX_E_NOMEM : PX_E_IO, "%s: cannot map %zu bytes: %s", path,
                 map->size, strerror(errno));
    close(fd);
    *map = (struct px_map){0};
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
